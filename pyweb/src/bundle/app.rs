//! What changes in the pages of a bundle that is to be an app, and what it is called. Must not write anything.

use std::path::Path;

use super::interpreter::way_up;
use super::plan::{Edit, Plan, resolve};
use super::survey::{Head, Icon, Role, Survey};
use crate::pwa::{self, App};
use crate::runtime::CORE;
use crate::runtime::address::locate;

/// Plans for the page at `path` what makes it one of an app's.
///
/// `own` when the site has a manifest of its own, and so icons.
pub fn edit(path: &str, survey: &Survey, own: bool, plan: &mut Plan) {
    let Head { after, into, icon, .. } = &survey.head;
    let isolated = survey.scripts.iter().any(|script| matches!(script.role, Role::Worker | Role::Editor));
    let up = way_up(path);
    let mut html = pwa::head(&up, isolated);
    if !own {
        html = pwa::manifest_link(&up) + &html;
        if *icon == Icon::None {
            html = pwa::icon_link(&up) + &html;
        }
    }
    let place = match (after, into) {
        (Some(element), _) => (*element, Edit::After(html)),
        (None, Some(element)) => (*element, Edit::Prepend(html)),
        (None, None) => (0, Edit::Before(html)),
    };
    plan.edits.entry(place.0).or_default().push(place.1);
    // Without isolation, Python in a worker cannot wait for the page: PyScript must not start before.
    let cores = survey.references.iter().filter(|reference| {
        let is_core = |address: crate::runtime::address::Address| {
            address.package == CORE && Path::new(&address.path).extension().is_some_and(|end| end == "js")
        };
        reference.attribute == "src" && locate(&reference.url).is_some_and(is_core)
    });
    for core in cores.filter(|_| isolated) {
        let edits = plan.edits.entry(core.place.element).or_default();
        edits.push(Edit::Attribute("type", pwa::ONCE_ISOLATED.into()));
    }
}

/// What the app is called and where it starts: its `index.html`, else its first page.
pub fn app<'a>(pages: impl Iterator<Item = (&'a str, &'a Head)>, site: &Path) -> App {
    let mut pages: Vec<_> = pages.collect();
    pages.sort_by_key(|(path, _)| *path != "index.html");
    let folder = || site.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Some((path, head)) = pages.first() else {
        return App { name: folder(), ..App::default() };
    };
    let title = head.title.split_whitespace().collect::<Vec<_>>().join(" ");
    App {
        name: if title.is_empty() { folder() } else { title },
        start: if *path == "index.html" { String::new() } else { (*path).to_owned() },
        color: head.color.clone(),
        icon: match &head.icon {
            Icon::Svg(icon) => resolve(path, icon),
            Icon::None | Icon::Other => None,
        },
    }
}

//! Reads and unpacks blocks in rayon's threads before they are asked for, a few at a time. Must not know what is in
//! them.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use crate::source::capture::file::{Block, Unpacked, unpack};

/// Blocks that are under way, or wait to be asked for.
#[derive(Default)]
pub struct Prefetch {
    file: Option<Arc<File>>,
    /// Those that nobody has begun with, in the order in which they will be asked for.
    later: std::vec::IntoIter<Block>,
    under_way: VecDeque<(Block, Receiver<io::Result<Unpacked>>)>,
    /// How many are under way at once.
    at_once: usize,
}

impl Prefetch {
    /// Begins with the first of these blocks, `at_once`; they need not be asked for in this order, nor all.
    pub fn new(file: &Arc<File>, blocks: Vec<Block>, at_once: usize) -> Prefetch {
        let file = Some(Arc::clone(file));
        let mut prefetch = Prefetch { file, later: blocks.into_iter(), under_way: VecDeque::new(), at_once };
        prefetch.go_on();
        prefetch
    }

    /// The bytes of a block, if they are on their way.
    pub fn take(&mut self, block: &Block) -> Option<io::Result<Unpacked>> {
        let place = self.under_way.iter().position(|(other, _)| other == block)?;
        let (_, receiver) = self.under_way.remove(place)?;
        self.go_on();
        receiver.recv().ok()
    }

    fn go_on(&mut self) {
        let Some(file) = &self.file else { return };
        while self.under_way.len() < self.at_once {
            let Some(block) = self.later.next() else { return };
            let (sender, receiver) = sync_channel(1);
            let file = Arc::clone(file);
            rayon::spawn(move || {
                // Nobody to receive it means that reading has ended early.
                let _ = sender.send(unpack(&file, &block));
            });
            self.under_way.push_back((block, receiver));
        }
    }
}

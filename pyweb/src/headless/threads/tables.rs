//! Tables that the threads of a page have in common: rows by keys of bytes, in the order of the keys. What a
//! writer has changed can be taken back until it says that it stays.
//! Must not know what keys and rows mean, nor who may write when.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

/// Keys from `low` on and before `high`; without one, from the first, or to the last.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys {
    pub(super) low: Option<Vec<u8>>,
    pub(super) high: Option<Vec<u8>>,
}

type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

impl Keys {
    fn bounds(&self) -> Option<Bounds<'_>> {
        if let (Some(low), Some(high)) = (&self.low, &self.high)
            && low >= high
        {
            // The map would not have it.
            return None;
        }
        let low = self.low.as_deref().map_or(Bound::Unbounded, Bound::Included);
        Some((low, self.high.as_deref().map_or(Bound::Unbounded, Bound::Excluded)))
    }
}

type Rows<R> = BTreeMap<Vec<u8>, Arc<R>>;

/// How a row was before.
#[derive(Debug)]
struct Before<R> {
    table: String,
    key: Vec<u8>,
    row: Option<Arc<R>>,
}

/// All tables; one that is not there is empty.
#[derive(Debug)]
pub(super) struct Tables<R> {
    tables: HashMap<String, Rows<R>>,
    /// By writer, the latest last.
    changes: HashMap<u32, Vec<Before<R>>>,
}

impl<R> Default for Tables<R> {
    fn default() -> Self {
        Tables { tables: HashMap::new(), changes: HashMap::new() }
    }
}

impl<R> Tables<R> {
    /// Up to `limit` rows with their keys, from the first, or backwards from the last.
    pub(super) fn rows(
        &self,
        table: &str,
        keys: &Keys,
        limit: usize,
        backwards: bool,
    ) -> Vec<(Vec<u8>, Arc<R>)> {
        let (Some(rows), Some(bounds)) = (self.tables.get(table), keys.bounds()) else { return Vec::new() };
        let found = rows.range::<[u8], _>(bounds);
        let copied = |(key, row): (&Vec<u8>, &Arc<R>)| (key.clone(), Arc::clone(row));
        if backwards {
            found.rev().take(limit).map(copied).collect()
        } else {
            found.take(limit).map(copied).collect()
        }
    }

    /// How many rows there are.
    pub(super) fn count(&self, table: &str, keys: &Keys) -> usize {
        let Some(rows) = self.tables.get(table) else { return 0 };
        keys.bounds().map_or(0, |bounds| rows.range::<[u8], _>(bounds).count())
    }

    /// Puts `row` where `key` says, or takes away what is there. With a writer it can be taken back.
    pub(super) fn write(&mut self, writer: Option<u32>, table: &str, key: Vec<u8>, row: Option<Arc<R>>) {
        let before = self.set(table, key.clone(), row);
        if let Some(writer) = writer {
            let before = Before { table: table.to_owned(), key, row: before };
            self.changes.entry(writer).or_default().push(before);
        }
    }

    /// Takes away all rows with these keys.
    pub(super) fn erase(&mut self, writer: Option<u32>, table: &str, keys: &Keys) {
        for (key, _) in self.rows(table, keys, usize::MAX, false) {
            self.write(writer, table, key, None);
        }
    }

    /// What `writer` has changed stays.
    pub(super) fn keep(&mut self, writer: u32) {
        self.changes.remove(&writer);
    }

    /// Takes back what `writer` has changed.
    pub(super) fn undo(&mut self, writer: u32) {
        for Before { table, key, row } in self.changes.remove(&writer).unwrap_or_default().into_iter().rev() {
            self.set(&table, key, row);
        }
    }

    fn set(&mut self, table: &str, key: Vec<u8>, row: Option<Arc<R>>) -> Option<Arc<R>> {
        match (self.tables.get_mut(table), row) {
            (Some(rows), Some(row)) => rows.insert(key, row),
            (None, Some(row)) => {
                self.tables.insert(table.to_owned(), BTreeMap::from([(key, row)]));
                None
            }
            (Some(rows), None) => {
                let before = rows.remove(&key);
                if rows.is_empty() {
                    self.tables.remove(table);
                }
                before
            }
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(low: &str, high: &str) -> Keys {
        let bound = |text: &str| (!text.is_empty()).then(|| text.as_bytes().to_vec());
        Keys { low: bound(low), high: bound(high) }
    }

    fn read(tables: &Tables<u8>, keys: &Keys, limit: usize, backwards: bool) -> String {
        let rows = tables.rows("t", keys, limit, backwards);
        rows.iter().map(|(key, row)| format!("{}{row}", String::from_utf8_lossy(key))).collect()
    }

    fn filled() -> Tables<u8> {
        let mut tables = Tables::default();
        for (key, row) in [("b", 2), ("a", 1), ("d", 4), ("c", 3)] {
            tables.write(None, "t", key.into(), Some(Arc::new(row)));
        }
        tables
    }

    #[test]
    fn rows_come_in_the_order_of_their_keys() {
        let tables = filled();
        for (low, high, limit, backwards, expected) in [
            ("", "", 9, false, "a1b2c3d4"),
            ("", "", 2, true, "d4c3"),
            ("b", "d", 9, false, "b2c3"),
            ("b", "b", 9, false, ""),
            ("d", "a", 9, true, ""),
            ("bb", "", 1, false, "c3"),
        ] {
            assert_eq!(read(&tables, &keys(low, high), limit, backwards), expected, "{low} {high}");
        }
        assert_eq!(tables.count("t", &keys("b", "")), 3);
        assert_eq!(tables.count("u", &keys("", "")), 0);
    }

    #[test]
    fn what_a_writer_changed_is_taken_back_and_nothing_else() {
        let mut tables = filled();
        let all = keys("", "");
        tables.write(Some(1), "t", "a".into(), Some(Arc::new(7)));
        tables.write(Some(1), "t", "a".into(), None);
        tables.write(Some(2), "t", "d".into(), Some(Arc::new(9)));
        tables.erase(Some(1), "t", &keys("b", "d"));
        tables.write(Some(1), "t", "e".into(), Some(Arc::new(5)));
        assert_eq!(read(&tables, &all, 9, false), "d9e5");
        tables.undo(1);
        assert_eq!(read(&tables, &all, 9, false), "a1b2c3d9");
        tables.keep(2);
        tables.undo(2);
        assert_eq!(read(&tables, &all, 9, false), "a1b2c3d9");
        tables.erase(None, "t", &all);
        assert!(tables.tables.is_empty() && tables.changes.is_empty());
    }
}

//! Allocates in a method of a generic type, and in an iterator's closure, which the compiler inlines.

struct Shelf<T> {
    kept: Vec<Vec<T>>,
}

impl<T: Clone + Default> Shelf<T> {
    #[inline(never)]
    fn keep(&mut self, count: usize) {
        self.kept.push(Vec::with_capacity(count));
    }
}

#[inline(never)]
fn many(shelf: &mut Shelf<u8>) -> usize {
    (0..3).map(|n| std::hint::black_box(vec![1_u8; 300_001 + n]).len()).sum::<usize>() + shelf.kept.len()
}

fn main() {
    let mut shelf = Shelf::<u8> { kept: Vec::new() };
    shelf.keep(234_567);
    std::process::exit(i32::from(many(&mut shelf) == 0));
}

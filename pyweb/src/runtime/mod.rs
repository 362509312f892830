//! The packages that pages run on, pinned by digest. Must not know what a page is.

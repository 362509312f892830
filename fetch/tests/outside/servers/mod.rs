//! Servers for the tests, real ones where they are packages. Each ends with its value.

pub mod nginx;
pub mod proxy;

//! The icon of an app that has none: a prompt, `❯ _`, on a dark ground. Must not know who shows it.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

/// A stroke from one point to another, in parts of the icon's width, with its colour.
const STROKES: [([f32; 2], [f32; 2], [u8; 3]); 3] = [
    ([0.30, 0.34], [0.46, 0.50], [0xff, 0xd4, 0x3b]),
    ([0.46, 0.50], [0.30, 0.66], [0xff, 0xd4, 0x3b]),
    ([0.54, 0.66], [0.70, 0.66], [0xe5, 0xe7, 0xeb]),
];
/// Half the width of a stroke.
const RADIUS: f32 = 0.042;
/// The ground at the top and at the bottom.
const GROUND: [[u8; 3]; 2] = [[0x30, 0x69, 0x98], [0x1f, 0x29, 0x37]];

/// The icon as a PNG of `width` by `width` pixels.
pub fn png(width: u32) -> Vec<u8> {
    let mut rows = Vec::with_capacity((width * (width * 3 + 1)) as usize);
    for y in 0..width {
        // No filter.
        rows.push(0);
        for x in 0..width {
            rows.extend(pixel(x, y, width));
        }
    }
    let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = [width.to_be_bytes(), width.to_be_bytes()].concat();
    // Eight bits for each of red, green and blue, not interlaced.
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut image, *b"IHDR", &header);
    chunk(&mut image, *b"IDAT", &packed(&rows));
    chunk(&mut image, *b"IEND", &[]);
    image
}

#[expect(clippy::cast_precision_loss, reason = "icons are far smaller than 2^24 pixels")]
fn pixel(x: u32, y: u32, width: u32) -> [u8; 3] {
    let size = width as f32;
    let (at_x, at_y) = ((x as f32 + 0.5) / size, (y as f32 + 0.5) / size);
    let mut color = blend(GROUND[0], GROUND[1], at_y);
    for (from, to, ink) in STROKES {
        // One pixel wide, the edge is as much the one as the other.
        let cover = (RADIUS - distance([at_x, at_y], from, to)) * size + 0.5;
        color = blend(color, ink, cover.clamp(0.0, 1.0));
    }
    color
}

/// From a point to the nearest one of a stroke's middle line.
fn distance(point: [f32; 2], from: [f32; 2], to: [f32; 2]) -> f32 {
    let along = [to[0] - from[0], to[1] - from[1]];
    let away = [point[0] - from[0], point[1] - from[1]];
    let part = (away[0] * along[0] + away[1] * along[1]) / (along[0] * along[0] + along[1] * along[1]);
    let part = part.clamp(0.0, 1.0);
    (away[0] - part * along[0]).hypot(away[1] - part * along[1])
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two bytes lies a byte")]
fn blend(one: [u8; 3], other: [u8; 3], part: f32) -> [u8; 3] {
    let mixed = |at: usize| {
        let (one, other) = (f32::from(one[at]), f32::from(other[at]));
        (one + (other - one) * part).round() as u8
    };
    [mixed(0), mixed(1), mixed(2)]
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn chunk(image: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    image.extend(length.to_be_bytes());
    let mut crc = Crc::new();
    crc.update(&kind);
    crc.update(data);
    image.extend(kind);
    image.extend(data);
    image.extend(crc.sum().to_be_bytes());
}

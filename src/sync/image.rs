//! What an image claims to be, looked at before anything decodes it.

use std::io::Cursor;

use bytes::Bytes;
use image::{ImageFormat, ImageReader, Limits};

/// The image types that a frame may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageType {
    /// `image/png`
    Png,
    /// `image/jpeg`
    Jpeg,
    /// `image/webp`
    WebP,
}

impl ImageType {
    /// Reads a media type in lower case, without parameters.
    pub fn from_media_type(media_type: &str) -> Option<ImageType> {
        match media_type {
            "image/png" => Some(ImageType::Png),
            "image/jpeg" => Some(ImageType::Jpeg),
            "image/webp" => Some(ImageType::WebP),
            _ => None,
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            ImageType::Png => "image/png",
            ImageType::Jpeg => "image/jpeg",
            ImageType::WebP => "image/webp",
        }
    }

    /// What the first octets say.
    pub fn sniff(octets: &[u8]) -> Option<ImageType> {
        if octets.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(ImageType::Png)
        } else if octets.starts_with(&[0xff, 0xd8, 0xff]) {
            Some(ImageType::Jpeg)
        } else if octets.starts_with(b"RIFF") && octets.get(8..12) == Some(b"WEBP") {
            Some(ImageType::WebP)
        } else {
            None
        }
    }

    fn format(self) -> ImageFormat {
        match self {
            ImageType::Png => ImageFormat::Png,
            ImageType::Jpeg => ImageFormat::Jpeg,
            ImageType::WebP => ImageFormat::WebP,
        }
    }
}

/// Why an image is not taken. Always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The first octets say something else than the media type.
    #[error("the content is not of the declared image type")]
    WrongType,
    /// Its header cannot be read.
    #[error("the image header is broken")]
    Broken,
    /// No pixels, or more than allowed.
    #[error("the image has no pixels, or more than allowed")]
    Pixels,
}

/// Width and height from the header; no pixel is decoded, and little memory is used whatever the header says.
pub fn dimensions(declared: ImageType, octets: &Bytes, max_pixels: u64) -> Result<(u32, u32), ImageError> {
    if ImageType::sniff(octets) != Some(declared) {
        return Err(ImageError::WrongType);
    }
    let mut reader = ImageReader::with_format(Cursor::new(octets), declared.format());
    let mut limits = Limits::no_limits();
    // Enough for the tables and profiles of an honest header.
    limits.max_alloc = Some(1024 * 1024);
    reader.limits(limits);
    let (width, height) = reader.into_dimensions().map_err(|_| ImageError::Broken)?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > max_pixels {
        return Err(ImageError::Pixels);
    }
    Ok((width, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A real PNG of one colour.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        image::GrayImage::new(width, height).write_to(&mut out, ImageFormat::Png).expect("a PNG");
        out.into_inner()
    }

    /// The same with another size in its header, and the header's checksum right: a bomb.
    fn bomb(width: u32, height: u32) -> Bytes {
        let mut octets = png(1, 1);
        octets[16..20].copy_from_slice(&width.to_be_bytes());
        octets[20..24].copy_from_slice(&height.to_be_bytes());
        let mut crc = u32::MAX;
        for &octet in &octets[12..29] {
            crc ^= u32::from(octet);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        octets[29..33].copy_from_slice(&(!crc).to_be_bytes());
        octets.into()
    }

    #[test]
    fn reads_the_size_and_refuses_lies() {
        let octets = Bytes::from(png(30, 20));
        assert_eq!(dimensions(ImageType::Png, &octets, 600), Ok((30, 20)));
        assert_eq!(dimensions(ImageType::Png, &octets, 599), Err(ImageError::Pixels));
        assert_eq!(dimensions(ImageType::Jpeg, &octets, 600), Err(ImageError::WrongType));
        assert_eq!(dimensions(ImageType::Png, &octets.slice(..20), 600), Err(ImageError::Broken));
        for other in [&b""[..], b"GIF89a", b"<svg/>", b"RIFF\0\0\0\0WAVE"] {
            assert_eq!(dimensions(ImageType::Png, &Bytes::from_static(other), 600), Err(ImageError::WrongType));
        }
    }

    #[test]
    fn bombs_are_refused_by_their_header() {
        for (width, height) in [(50_000, 50_000), (1, 100_000_000), (0x7fff_ffff, 0x7fff_ffff)] {
            let outcome = dimensions(ImageType::Png, &bomb(width, height), 8_000_000);
            // Which of the two depends on where the decoder's own arithmetic gives up.
            assert!(matches!(outcome, Err(ImageError::Pixels | ImageError::Broken)), "{width}×{height}");
        }
    }

    #[test]
    fn other_peoples_images_are_sized_or_refused() {
        let root = std::env::var("TANDEM_CORPUS")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus").to_owned());
        let root = std::path::Path::new(&root).join("images");
        if !root.is_dir() {
            println!("skipped: no corpus at {}", root.display());
            return;
        }
        let mut seen = 0;
        for folder in ["image-rs", "libpng-pngsuite"] {
            for entry in std::fs::read_dir(root.join(folder)).expect("a folder") {
                let path = entry.expect("an entry").path();
                let octets = Bytes::from(std::fs::read(&path).expect("a file"));
                let declared = ImageType::sniff(&octets).unwrap_or(ImageType::Png);
                let outcome = dimensions(declared, &octets, 8_000_000);
                if folder == "libpng-pngsuite" && path.extension().is_some_and(|extension| extension == "png") {
                    assert!(outcome.is_ok(), "{}", path.display());
                } else if ImageType::sniff(&octets).is_none() {
                    assert_eq!(outcome, Err(ImageError::WrongType), "{}", path.display());
                }
                seen += 1;
            }
        }
        assert!(seen > 50, "only {seen} images");
    }
}

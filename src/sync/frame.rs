//! Frames: a screenshot (or a part of one) in an envelope that says which.

use std::fmt::Write as _;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::cpim::{self, Cpim};
use super::image::{self, ImageError, ImageType};

/// The namespace of our CPIM headers.
pub const NAMESPACE: &str = "urn:tandem:screen:1";
/// The prefix that we write for it.
pub const PREFIX: &str = "tandem";
/// The longest name of a page.
const MAX_SCREEN_BYTES: usize = 128;

/// Pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Across.
    pub width: u32,
    /// Down.
    pub height: u32,
}

/// A part of the screen, in pixels from its top left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// From the left.
    pub x: u32,
    /// From the top.
    pub y: u32,
    /// Its extent.
    pub size: Size,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Counts the sender's frames, strictly upward.
    pub seq: u64,
    /// The app's name of the page.
    pub screen: Option<String>,
    /// The whole screen.
    pub full: Size,
    /// The part that the image shows.
    pub rect: Rect,
    /// Whether it stands alone. The rectangle of such a frame is the whole screen.
    pub key: bool,
    /// The image's type.
    pub image_type: ImageType,
    /// The image.
    pub image: Bytes,
    /// SHA-256 of the image's octets, in lower-case hexadecimal.
    pub hash: String,
}

/// The bounds of a frame.
#[derive(Clone, Copy, Debug)]
pub struct FrameLimits {
    /// Octets of the image.
    pub max_frame_bytes: usize,
    /// Pixels of the image, and of the screen.
    pub max_pixels: u64,
}

/// Why a frame is not taken. Always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A header is missing or malformed.
    #[error("the frame header {0} is missing or malformed")]
    Header(&'static str),
    /// The media type is none of the three.
    #[error("the media type is no image type of ours")]
    MediaType,
    /// More octets than allowed.
    #[error("the frame is larger than allowed")]
    TooLarge,
    /// The image is not what it says.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Rectangle, screen, image and key flag do not agree.
    #[error("rectangle, screen size and image size do not agree")]
    Geometry,
    /// The declared hash is not the image's.
    #[error("the hash is not the image's")]
    Hash,
}

/// SHA-256 in lower-case hexadecimal.
pub fn hash(octets: &[u8]) -> String {
    hex::encode(Sha256::digest(octets))
}

impl Frame {
    /// A frame of the whole screen. The image's header is read, its pixels are not.
    pub fn whole(
        seq: u64,
        screen: Option<String>,
        image_type: ImageType,
        image: Bytes,
        limits: &FrameLimits,
    ) -> Result<Frame, FrameError> {
        if image.len() > limits.max_frame_bytes {
            return Err(FrameError::TooLarge);
        }
        let (width, height) = image::dimensions(image_type, &image, limits.max_pixels)?;
        let full = Size { width, height };
        let hash = hash(&image);
        Ok(Frame { seq, screen, full, rect: Rect { x: 0, y: 0, size: full }, key: true, image_type, image, hash })
    }

    /// Reads and checks a frame. Nothing is decoded.
    pub fn parse(cpim: &Cpim, limits: &FrameLimits) -> Result<Frame, FrameError> {
        let header = |name| cpim.extension(NAMESPACE, name);
        let image_type = cpim.content_type().and_then(|media_type| ImageType::from_media_type(&media_type));
        let image_type = image_type.ok_or(FrameError::MediaType)?;
        if cpim.body.len() > limits.max_frame_bytes {
            return Err(FrameError::TooLarge);
        }
        let seq = header("Seq").and_then(number).ok_or(FrameError::Header("Seq"))?;
        let full = header("Size").and_then(numbers::<2>).ok_or(FrameError::Header("Size"))?;
        let full = Size { width: full[0], height: full[1] };
        let [x, y, width, height] = match header("Rect") {
            Some(text) => numbers::<4>(text).ok_or(FrameError::Header("Rect"))?,
            None => [0, 0, full.width, full.height],
        };
        let rect = Rect { x, y, size: Size { width, height } };
        let key = match header("Key") {
            Some("yes") => true,
            Some("no") => false,
            _ => return Err(FrameError::Header("Key")),
        };
        let screen = header("Screen").map(str::to_owned);
        if screen.as_ref().is_some_and(|name| name.len() > MAX_SCREEN_BYTES) {
            return Err(FrameError::Header("Screen"));
        }
        check_geometry(full, rect, key, limits)?;
        let (width, height) = image::dimensions(image_type, &cpim.body, limits.max_pixels)?;
        if rect.size != (Size { width, height }) {
            return Err(FrameError::Geometry);
        }
        let hash = hash(&cpim.body);
        if header("Hash").is_some_and(|declared| declared != hash) {
            return Err(FrameError::Hash);
        }
        Ok(Frame { seq, screen, full, rect, key, image_type, image: cpim.body.clone(), hash })
    }

    /// Puts the frame into an envelope for the leg whose SIP Call-ID is given.
    pub fn envelope(&self, call_id: &str, from: &str, to: &str) -> Cpim {
        let mut cpim = envelope(call_id, from, to);
        let mut set = |name: &str, value: String| cpim.extensions.push((format!("{PREFIX}.{name}"), value));
        set("Seq", self.seq.to_string());
        if let Some(screen) = &self.screen {
            set("Screen", screen.clone());
        }
        set("Size", join(&[self.full.width, self.full.height]));
        set("Rect", join(&[self.rect.x, self.rect.y, self.rect.size.width, self.rect.size.height]));
        set("Key", if self.key { "yes" } else { "no" }.to_owned());
        set("Hash", self.hash.clone());
        cpim.content_headers.push(("Content-Type".to_owned(), self.image_type.media_type().to_owned()));
        cpim.body = self.image.clone();
        cpim
    }
}

/// An empty envelope with the addresses, the namespace and the Call-ID.
pub fn envelope(call_id: &str, from: &str, to: &str) -> Cpim {
    Cpim {
        from: Some(from.to_owned()),
        to: vec![to.to_owned()],
        namespaces: vec![(PREFIX.to_owned(), NAMESPACE.to_owned())],
        extensions: vec![(format!("{PREFIX}.Call-ID"), call_id.to_owned())],
        ..Cpim::default()
    }
}

/// Puts a control message into an envelope for the leg whose SIP Call-ID is given.
pub fn control_envelope(control: &super::control::Control, call_id: &str, from: &str, to: &str) -> Cpim {
    let mut cpim = envelope(call_id, from, to);
    cpim.content_headers.push(("Content-Type".to_owned(), super::control::MEDIA_TYPE.to_owned()));
    cpim.body = control.to_json();
    cpim
}

/// The SIP Call-ID that a message names.
pub fn call_id(cpim: &Cpim) -> Option<&str> {
    cpim.extension(NAMESPACE, "Call-ID")
}

/// Whether the media type is that of the envelope.
pub fn is_envelope(content_type: &str) -> bool {
    cpim::media_type(content_type) == cpim::MEDIA_TYPE
}

fn check_geometry(full: Size, rect: Rect, key: bool, limits: &FrameLimits) -> Result<(), FrameError> {
    let within =
        |at: u32, length: u32, whole: u32| length > 0 && at.checked_add(length).is_some_and(|end| end <= whole);
    let fits = within(rect.x, rect.size.width, full.width) && within(rect.y, rect.size.height, full.height);
    let whole = rect.size == full;
    if !fits || (key && !whole) || u64::from(full.width) * u64::from(full.height) > limits.max_pixels {
        return Err(FrameError::Geometry);
    }
    Ok(())
}

fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn numbers<const N: usize>(text: &str) -> Option<[u32; N]> {
    let mut out = [0; N];
    let mut parts = text.split(',');
    for slot in &mut out {
        *slot = number(parts.next()?.trim())?.try_into().ok()?;
    }
    parts.next().is_none().then_some(out)
}

fn join(values: &[u32]) -> String {
    let mut out = String::new();
    for (at, value) in values.iter().enumerate() {
        let _ = write!(out, "{}{value}", if at == 0 { "" } else { "," });
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const LIMITS: FrameLimits = FrameLimits { max_frame_bytes: 10_000, max_pixels: 10_000 };

    fn png(width: u32, height: u32) -> Bytes {
        let mut out = Cursor::new(Vec::new());
        ::image::GrayImage::new(width, height).write_to(&mut out, ::image::ImageFormat::Png).expect("a PNG");
        out.into_inner().into()
    }

    fn frame() -> Frame {
        Frame::whole(7, Some("flight-detail".into()), ImageType::Png, png(40, 30), &LIMITS).expect("a frame")
    }

    #[test]
    fn a_frame_survives_its_envelope() {
        let frame = frame();
        let octets = frame.envelope("a@b", "urn:uuid:x", "tel:+86").to_bytes();
        let cpim = Cpim::parse(&octets).expect("an envelope");
        assert_eq!(call_id(&cpim), Some("a@b"));
        assert_eq!(Frame::parse(&cpim, &LIMITS), Ok(frame.clone()));
        assert_eq!(frame.hash, hash(&frame.image));
    }

    #[test]
    fn lies_are_refused() {
        type Lie = (&'static str, Option<&'static str>, FrameError);
        let lies: [Lie; 12] = [
            ("tandem.Seq", None, FrameError::Header("Seq")),
            ("tandem.Seq", Some("-1"), FrameError::Header("Seq")),
            ("tandem.Size", None, FrameError::Header("Size")),
            ("tandem.Size", Some("40"), FrameError::Header("Size")),
            ("tandem.Size", Some("41,30"), FrameError::Geometry),
            ("tandem.Rect", Some("1,0,40,30"), FrameError::Geometry),
            ("tandem.Rect", Some("4294967295,0,40,30"), FrameError::Geometry),
            ("tandem.Rect", Some("0,0,40,29"), FrameError::Geometry),
            ("tandem.Rect", Some("0,0,40"), FrameError::Header("Rect")),
            ("tandem.Key", None, FrameError::Header("Key")),
            ("tandem.Key", Some("perhaps"), FrameError::Header("Key")),
            ("tandem.Hash", Some("00"), FrameError::Hash),
        ];
        for (name, value, error) in lies {
            let mut cpim = frame().envelope("a@b", "urn:uuid:x", "tel:+86");
            cpim.extensions.retain(|(header, _)| header != name);
            cpim.extensions.extend(value.map(|value| (name.to_owned(), value.to_owned())));
            assert_eq!(Frame::parse(&cpim, &LIMITS), Err(error), "{name}: {value:?}");
        }
        let mut cpim = frame().envelope("a@b", "urn:uuid:x", "tel:+86");
        cpim.content_headers = vec![("Content-Type".into(), "image/gif".into())];
        assert_eq!(Frame::parse(&cpim, &LIMITS), Err(FrameError::MediaType));
        cpim.content_headers = vec![("Content-Type".into(), "image/jpeg".into())];
        assert_eq!(Frame::parse(&cpim, &LIMITS), Err(FrameError::Image(ImageError::WrongType)));
    }

    #[test]
    fn large_frames_are_refused_by_octets_and_by_pixels() {
        let cpim = frame().envelope("a@b", "urn:uuid:x", "tel:+86");
        let few = FrameLimits { max_frame_bytes: 10, ..LIMITS };
        assert_eq!(Frame::parse(&cpim, &few), Err(FrameError::TooLarge));
        let few = FrameLimits { max_pixels: 1199, ..LIMITS };
        assert!(Frame::parse(&cpim, &few).is_err());
        assert_eq!(
            Frame::whole(1, None, ImageType::Png, png(40, 30), &few),
            Err(FrameError::Image(ImageError::Pixels))
        );
    }

    #[test]
    fn a_part_of_the_screen_is_no_key_frame() {
        let mut part = frame();
        part.full = Size { width: 100, height: 90 };
        part.rect.x = 60;
        part.key = false;
        let cpim = part.envelope("a@b", "urn:uuid:x", "tel:+86");
        assert_eq!(Frame::parse(&cpim, &LIMITS), Ok(part.clone()));
        part.key = true;
        assert_eq!(Frame::parse(&part.envelope("a", "b:c", "d:e"), &LIMITS), Err(FrameError::Geometry));
    }
}

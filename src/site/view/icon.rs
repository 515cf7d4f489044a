//! Line icons, drawn for this site on a 24×24 grid.

macro_rules! icon {
    ($path:literal) => {
        concat!("<svg class=\"icon\" viewBox=\"0 0 24 24\" aria-hidden=\"true\">", $path, "</svg>")
    };
}

pub(crate) const BACK: &str = icon!("<path d=\"M15 5l-7 7 7 7\"/>");
pub(crate) const NEXT: &str = icon!("<path d=\"M9 5l7 7-7 7\"/>");
pub(crate) const SWAP: &str = icon!("<path d=\"M5 9h13l-4-4M19 15H6l4 4\"/>");
pub(crate) const PLANE: &str = icon!("<path d=\"M3 13.5l18-8-6.5 15-3.2-6.3z\"/><path d=\"M11.3 14.2L21 5.5\"/>");
pub(crate) const BED: &str =
    icon!("<path d=\"M3 19V6M3 16h18v3M21 16v-3a3 3 0 0 0-3-3h-7v6\"/><circle cx=\"7\" cy=\"12\" r=\"2\"/>");
pub(crate) const TICKET: &str =
    icon!("<path d=\"M4 6h16v4a2 2 0 0 0 0 4v4H4v-4a2 2 0 0 0 0-4zM14 6v2M14 11v2M14 16v2\"/>");
pub(crate) const CALENDAR: &str = icon!("<path d=\"M4 6h16v14H4zM4 10h16M8 3v5M16 3v5\"/>");
pub(crate) const PERSON: &str = icon!("<circle cx=\"12\" cy=\"8\" r=\"4\"/><path d=\"M4 21c1-5 4-7 8-7s7 2 8 7\"/>");
pub(crate) const PIN: &str = icon!(
    "<path d=\"M12 21c-5-6-7-8.5-7-11.5a7 7 0 0 1 14 0c0 3-2 5.5-7 11.5z\"/><circle cx=\"12\" cy=\"9.5\" r=\"2.5\"/>"
);
pub(crate) const CHECK: &str = icon!("<path d=\"M5 12.5l4.5 4.5L19 7.5\"/>");
pub(crate) const BAG: &str = icon!("<path d=\"M4 8h16v11H4zM9 8V5h6v3M8 8v11M16 8v11\"/>");
pub(crate) const MEAL: &str = icon!("<path d=\"M7 3v8M4 3v5a3 3 0 0 0 6 0V3M7 11v10M17 21V3c-3 2-4 6-3 10h3\"/>");
pub(crate) const CLOCK: &str = icon!("<circle cx=\"12\" cy=\"12\" r=\"9\"/><path d=\"M12 7v5l3.5 2\"/>");
pub(crate) const COMPASS: &str = icon!("<circle cx=\"12\" cy=\"12\" r=\"9\"/><path d=\"M15.5 8.5l-2 5-5 2 2-5z\"/>");

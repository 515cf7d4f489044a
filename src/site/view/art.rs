//! Small landscapes, drawn from a number, in place of photographs.

use std::fmt::Write;

use super::super::seed::below;

/// Sky (top, bottom), sun, far and near colours.
const PALETTES: [[&str; 5]; 6] = [
    ["#ffd9a8", "#ff9a76", "#fff1cf", "#c8627a", "#5e3a6b"],
    ["#bfe6f2", "#7cc4d8", "#ffffff", "#3f8fa8", "#13506b"],
    ["#ffe7c4", "#f7b98b", "#fff7e6", "#6aa39a", "#1f5f63"],
    ["#d7dcf7", "#9fa8e0", "#fff3d6", "#5f68b0", "#2b2f6b"],
    ["#ffe0dc", "#f5a9a9", "#fff6ef", "#b5657f", "#57304f"],
    ["#d9f2dc", "#93d0a8", "#fffbe0", "#3f9277", "#14564c"],
];

/// An inline picture, 320×160, that fills its box.
pub(crate) fn landscape(number: u64, towers: bool) -> String {
    let [top, bottom, sun, far, near] = PALETTES[(number % PALETTES.len() as u64) as usize];
    let id = format!("sky{number}");
    let (x, y) = (60 + below(200, &[number, 21]), 44 + below(24, &[number, 22]));
    let ground = if towers { skyline(number, near) } else { hills(number, near, 118) };
    format!(
        "<svg class=\"art\" viewBox=\"0 0 320 160\" preserveAspectRatio=\"xMidYMid slice\" aria-hidden=\"true\">\
         <defs><linearGradient id=\"{id}\" x2=\"0\" y2=\"1\"><stop stop-color=\"{top}\"/>\
         <stop offset=\"1\" stop-color=\"{bottom}\"/></linearGradient></defs>\
         <rect width=\"320\" height=\"160\" fill=\"url(#{id})\"/><circle cx=\"{x}\" cy=\"{y}\" r=\"24\" fill=\"{sun}\" \
         opacity=\".9\"/>{}{ground}</svg>",
        hills(number + 7, far, 92)
    )
}

/// A soft ridge from edge to edge: level at each crest and in each valley.
fn hills(number: u64, colour: &str, base: u64) -> String {
    let height = |step: u64| match step % 2 {
        0 => base + below(20, &[number, step, 31]),
        _ => base - below(34, &[number, step, 32]),
    };
    let mut path = format!("M0 {}", height(0));
    for step in 1..=4 {
        let (x, y) = (step * 80, height(step));
        let _ = write!(path, " C{} {} {} {y} {x} {y}", x - 40, height(step - 1), x - 40);
    }
    format!("<path d=\"{path} V160 H0z\" fill=\"{colour}\" opacity=\".85\"/>")
}

/// A row of buildings with lit windows.
fn skyline(number: u64, colour: &str) -> String {
    let mut out = String::new();
    let mut x = 0;
    for step in 0.. {
        if x >= 320 {
            break;
        }
        let width = 22 + below(20, &[number, step, 41]);
        let height = 34 + below(66, &[number, step, 42]);
        let top = 160 - height;
        let _ = write!(out, "<rect x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"{colour}\"/>");
        for row in 0..height / 16 {
            if below(3, &[number, step, row, 43]) > 0 {
                let (left, lit) = (x + 6 + below(2, &[number, step, row, 44]) * 8, top + 8 + row * 14);
                let _ = write!(
                    out,
                    "<rect x=\"{left}\" y=\"{lit}\" width=\"4\" height=\"6\" fill=\"#ffe9b0\" opacity=\".8\"/>"
                );
            }
        }
        x += width + 3;
    }
    out
}

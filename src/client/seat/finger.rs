//! The customer's finger on the seat's screen: from touches on a frame to what the simulator does.

use crate::client::glass::Action;
use crate::sync::control::{Touch, TouchAction};

/// A finger that moved less than this, in CSS pixels, has tapped.
const STEADY: f64 = 12.0;

/// One finger. It remembers where it came down.
#[derive(Debug, Default)]
pub struct Finger {
    down: Option<(f64, f64)>,
}

impl Finger {
    /// What the simulator does for a touch on a frame of `frame` pixels that shows a screen of `screen` CSS pixels.
    /// A finger that comes down or moves does nothing yet.
    pub fn touch(&mut self, touch: Touch, frame: (u32, u32), screen: (u32, u32)) -> Option<Action> {
        let scaled = |at: u32, from: u32, to: u32| f64::from(at) * f64::from(to) / f64::from(from.max(1));
        let at = (scaled(touch.x, frame.0, screen.0), scaled(touch.y, frame.1, screen.1));
        match touch.action {
            TouchAction::Tap => Some(Action::Tap(at.0, at.1)),
            TouchAction::Down => {
                self.down = Some(at);
                None
            }
            TouchAction::Move => None,
            TouchAction::Up => Some(lifted(self.down.take().unwrap_or(at), at)),
        }
    }
}

/// A finger that moved has dragged the page along: what is further down shows when it moved up.
fn lifted(from: (f64, f64), to: (f64, f64)) -> Action {
    let by = (from.0 - to.0, from.1 - to.1);
    if by.0.hypot(by.1) < STEADY { Action::Tap(to.0, to.1) } else { Action::Scroll { at: from, by } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(x: u32, y: u32, action: TouchAction) -> Touch {
        Touch { seq: 1, x, y, action }
    }

    #[test]
    fn points_are_scaled_and_a_drag_scrolls() {
        let (frame, screen) = ((780, 1688), (390, 844));
        let mut finger = Finger::default();
        let tap = finger.touch(touch(600, 1600, TouchAction::Tap), frame, screen);
        assert_eq!(tap, Some(Action::Tap(300.0, 800.0)));
        assert_eq!(finger.touch(touch(200, 800, TouchAction::Down), frame, screen), None);
        assert_eq!(finger.touch(touch(200, 600, TouchAction::Move), frame, screen), None);
        let up = finger.touch(touch(200, 400, TouchAction::Up), frame, screen);
        assert_eq!(up, Some(Action::Scroll { at: (100.0, 400.0), by: (0.0, 200.0) }));
        finger.touch(touch(200, 800, TouchAction::Down), frame, screen);
        let up = finger.touch(touch(204, 804, TouchAction::Up), frame, screen);
        assert_eq!(up, Some(Action::Tap(102.0, 402.0)), "a finger is never quite still");
    }
}

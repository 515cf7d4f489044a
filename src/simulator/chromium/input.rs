//! What a finger and a keyboard do to the phone.

use chromiumoxide::cdp::browser_protocol::input::{
    DispatchKeyEventParams, DispatchKeyEventType, DispatchTouchEventParams, DispatchTouchEventReturns,
    DispatchTouchEventType, GestureSourceType, InsertTextParams, SynthesizeScrollGestureParams, TouchPoint,
};
use chromiumoxide::error::CdpError;
use chromiumoxide::keys::get_key_definition;
use chromiumoxide::types::MethodId;
use chromiumoxide::{Command, Method};
use serde::Serialize;

use super::Simulator;
use crate::simulator::error::SimulatorError;

/// How fast content scrolls, CSS pixels per second: quick, and still a movement that eyes can follow.
const SCROLL_SPEED: i64 = 4000;

/// One touch event. The crate's own type leaves out an empty list of points, without which Chromium refuses a
/// `touchEnd`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Touch {
    r#type: DispatchTouchEventType,
    touch_points: Vec<TouchPoint>,
}

impl Method for Touch {
    fn identifier(&self) -> MethodId {
        DispatchTouchEventParams::IDENTIFIER.into()
    }
}

impl Command for Touch {
    type Response = DispatchTouchEventReturns;
}

/// One finger and one keyboard: these take `&mut self`, so that two gestures cannot mix. Dropping one half-way leaves
/// the finger on the glass until the next.
impl Simulator {
    /// Taps the screen at a point, CSS pixels from the top left corner of the viewport.
    ///
    /// # Errors
    /// [`SimulatorError::OffScreen`] for a point outside the viewport.
    pub async fn touch(&mut self, x: f64, y: f64) -> Result<(), SimulatorError> {
        self.on_screen(x, y)?;
        let start = Touch { r#type: DispatchTouchEventType::TouchStart, touch_points: vec![TouchPoint::new(x, y)] };
        let end = Touch { r#type: DispatchTouchEventType::TouchEnd, touch_points: Vec::new() };
        self.command("the touch", async {
            self.page.execute(start).await?;
            self.page.execute(end).await
        })
        .await?;
        Ok(())
    }

    /// Scrolls what is at a point by `dx`, `dy` CSS pixels: positive `dy` shows what is further down. Returns when the
    /// movement has ended. The page sees a wheel: headless Chromium (156) does not scroll for touches sent over CDP.
    pub async fn scroll(&mut self, x: f64, y: f64, dx: f64, dy: f64) -> Result<(), SimulatorError> {
        self.on_screen(x, y)?;
        let gesture = SynthesizeScrollGestureParams::builder()
            .x(x)
            .y(y)
            .x_distance(-dx)
            .y_distance(-dy)
            .speed(SCROLL_SPEED)
            .prevent_fling(true)
            .gesture_source_type(GestureSourceType::Mouse)
            .build()
            .map_err(|error| SimulatorError::during("the scroll")(CdpError::msg(error)))?;
        self.command("the scroll", self.page.execute(gesture)).await?;
        Ok(())
    }

    /// Presses one key: a DOM key name (`Enter`, `Backspace`, `ArrowDown`) or one character of any script.
    pub async fn key(&mut self, key: &str) -> Result<(), SimulatorError> {
        let Some(definition) = get_key_definition(key) else {
            let mut characters = key.chars();
            return match (characters.next(), characters.next()) {
                (Some(_), None) => self.text(key).await,
                _ => Err(SimulatorError::UnknownKey(key.chars().take(32).collect())),
            };
        };
        let text = definition.text.or((definition.key.len() == 1).then_some(definition.key));
        let mut event = DispatchKeyEventParams::new(match text {
            Some(_) => DispatchKeyEventType::KeyDown,
            None => DispatchKeyEventType::RawKeyDown,
        });
        event.key = Some(definition.key.to_owned());
        event.code = Some(definition.code.to_owned());
        event.windows_virtual_key_code = Some(definition.key_code);
        event.native_virtual_key_code = Some(definition.key_code);
        let up = DispatchKeyEventParams { r#type: DispatchKeyEventType::KeyUp, ..event.clone() };
        event.text = text.map(str::to_owned);
        self.command("the key", async {
            self.page.execute(event).await?;
            self.page.execute(up).await
        })
        .await?;
        Ok(())
    }

    /// Enters text where the focus is, as an input method does: any script, no key events.
    pub async fn text(&mut self, text: &str) -> Result<(), SimulatorError> {
        self.command("the text", self.page.execute(InsertTextParams::new(text))).await?;
        Ok(())
    }

    fn on_screen(&self, x: f64, y: f64) -> Result<(), SimulatorError> {
        let (width, height) = (self.config.width, self.config.height);
        let inside = (0.0..f64::from(width)).contains(&x) && (0.0..f64::from(height)).contains(&y);
        if inside { Ok(()) } else { Err(SimulatorError::OffScreen { x, y, width, height }) }
    }
}

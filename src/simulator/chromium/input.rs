//! What a finger and a keyboard do to the phone.

use chromiumoxide::cdp::browser_protocol::input::{
    DispatchKeyEventParams, DispatchKeyEventType, DispatchTouchEventParams, DispatchTouchEventType, GestureSourceType,
    InsertTextParams, SynthesizeScrollGestureParams, TouchPoint,
};
use chromiumoxide::error::CdpError;
use chromiumoxide::keys::get_key_definition;

use super::Simulator;
use crate::simulator::error::SimulatorError;

/// How fast a synthetic finger drags, CSS pixels per second: a quick, human flick.
const SCROLL_SPEED: i64 = 4000;

impl Simulator {
    /// Taps the screen at a point, CSS pixels from the top left corner of the viewport.
    ///
    /// # Errors
    /// [`SimulatorError::OffScreen`] for a point outside the viewport.
    pub async fn touch(&self, x: f64, y: f64) -> Result<(), SimulatorError> {
        self.on_screen(x, y)?;
        let start = DispatchTouchEventParams::new(DispatchTouchEventType::TouchStart, vec![TouchPoint::new(x, y)]);
        let end = DispatchTouchEventParams::new(DispatchTouchEventType::TouchEnd, Vec::new());
        self.command("the touch", async {
            self.page.execute(start).await?;
            self.page.execute(end).await
        })
        .await?;
        Ok(())
    }

    /// Drags a finger so that the content moves by `dx`, `dy` CSS pixels: positive `dy` shows what is further down.
    /// Returns when the movement has ended.
    pub async fn scroll(&self, x: f64, y: f64, dx: f64, dy: f64) -> Result<(), SimulatorError> {
        self.on_screen(x, y)?;
        let gesture = SynthesizeScrollGestureParams::builder()
            .x(x)
            .y(y)
            .x_distance(-dx)
            .y_distance(-dy)
            .speed(SCROLL_SPEED)
            .prevent_fling(true)
            .gesture_source_type(GestureSourceType::Touch)
            .build()
            .map_err(|error| SimulatorError::during("the scroll")(CdpError::msg(error)))?;
        self.command("the scroll", self.page.execute(gesture)).await?;
        Ok(())
    }

    /// Presses one key: a DOM key name (`Enter`, `Backspace`, `ArrowDown`) or one character of any script.
    pub async fn key(&self, key: &str) -> Result<(), SimulatorError> {
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
    pub async fn text(&self, text: &str) -> Result<(), SimulatorError> {
        self.command("the text", self.page.execute(InsertTextParams::new(text))).await?;
        Ok(())
    }

    fn on_screen(&self, x: f64, y: f64) -> Result<(), SimulatorError> {
        let (width, height) = (self.config.width, self.config.height);
        let inside = (0.0..f64::from(width)).contains(&x) && (0.0..f64::from(height)).contains(&y);
        if inside { Ok(()) } else { Err(SimulatorError::OffScreen { x, y, width, height }) }
    }
}

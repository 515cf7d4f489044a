//! Where something is on the screen: the eye of who wants to touch it.

use chromiumoxide::cdp::js_protocol::runtime::EvaluateParams;

use super::Simulator;
use crate::simulator::error::SimulatorError;

impl Simulator {
    /// The middle of the first element that a CSS selector finds, in CSS pixels from the top left corner of the
    /// viewport. `None` when there is none, or when its middle is not to be seen.
    pub async fn locate(&self, selector: &str) -> Result<Option<(f64, f64)>, SimulatorError> {
        let selector = serde_json::Value::from(selector);
        let mut find = EvaluateParams::new(format!(
            "(() => {{ const found = document.querySelector({selector});
               if (!found) return null;
               const box = found.getBoundingClientRect();
               const point = [box.left + box.width / 2, box.top + box.height / 2];
               const top = document.elementFromPoint(...point);
               return top && (found.contains(top) || top.contains(found)) ? point : null; }})()"
        ));
        find.return_by_value = Some(true);
        let answer = self.command("Runtime.evaluate", self.page.execute(find)).await?;
        let point = answer.result.result.value.unwrap_or_default();
        let coordinate = |index: usize| point.get(index)?.as_f64();
        Ok(coordinate(0).zip(coordinate(1)))
    }
}

//! What all pages share: the document around them, and small pieces of text.

use axum::response::Html;
use jiff::civil::{Date, Weekday};

use super::icon;

/// Facts of a screen: data attributes of its body. Names are kebab-case.
pub(crate) type Facts<'a> = &'a [(&'a str, String)];

/// A whole document. `screen` and the names of `facts` are ours; the values are escaped here.
pub(crate) fn document(screen: &str, facts: Facts<'_>, title: &str, body: &str) -> Html<String> {
    let facts: String = facts.iter().map(|(name, value)| format!(" data-{name}=\"{}\"", escape(value))).collect();
    Html(format!(
        "<!doctype html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1,viewport-fit=cover\">\
         <meta name=\"theme-color\" content=\"#0b5f66\"><title>{title} · Tandem Travel</title>\
         <link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"/site.css\"></head>\n\
         <body data-screen=\"{screen}\"{facts}>\n{body}\n</body></html>\n"
    ))
}

/// The bar at the top of an inner page, with the way back.
pub(crate) fn bar(back: &str, title: &str, subtitle: &str) -> String {
    format!(
        "<header class=\"bar\"><a class=\"back\" href=\"{}\" aria-label=\"返回 Back\">{}</a>\
         <div><h1>{title}</h1><p>{subtitle}</p></div></header>",
        escape(back),
        icon::BACK
    )
}

/// The tabs at the bottom of the main pages.
pub(crate) fn tabs(active: &str) -> String {
    let tab = |name: &str, href: &str, icon: &str, zh: &str, en: &str| {
        let class = if name == active { " class=\"on\"" } else { "" };
        format!("<a href=\"{href}\"{class}>{icon}<b>{zh}</b><small>{en}</small></a>")
    };
    format!(
        "<nav class=\"tabs\">{}{}{}</nav>",
        tab("flights", "/", icon::PLANE, "机票", "Flights"),
        tab("hotels", "/?tab=hotels", icon::BED, "酒店", "Hotels"),
        tab("orders", "/orders", icon::TICKET, "订单", "Trips"),
    )
}

/// The answer to a link that leads nowhere.
pub(crate) fn not_found() -> Html<String> {
    let body = format!(
        "<main class=\"blank\">{}<h1>找不到这个页面</h1><p>This page does not exist. The flight may be sold out, or the \
         link is old.</p><a class=\"button\" href=\"/\">回到首页 <small>Home</small></a></main>",
        icon::COMPASS
    );
    document("not_found", &[], "404", &body)
}

/// Text as HTML text or as a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Yuan with thousands separated.
pub(crate) fn yuan(amount: u64) -> String {
    let number = if amount >= 1000 { format!("{},{:03}", amount / 1000, amount % 1000) } else { amount.to_string() };
    format!("<span class=\"yuan\"><i>¥</i>{number}</span>")
}

/// `12月1日`.
pub(crate) fn day_zh(date: Date) -> String {
    format!("{}月{}日", date.month(), date.day())
}

/// `1 Dec`.
pub(crate) fn day_en(date: Date) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = usize::try_from(date.month() - 1).ok().and_then(|index| MONTHS.get(index)).unwrap_or(&"");
    format!("{} {month}", date.day())
}

/// `周二` and `Tue`.
pub(crate) fn weekday(date: Date) -> (&'static str, &'static str) {
    match date.weekday() {
        Weekday::Monday => ("周一", "Mon"),
        Weekday::Tuesday => ("周二", "Tue"),
        Weekday::Wednesday => ("周三", "Wed"),
        Weekday::Thursday => ("周四", "Thu"),
        Weekday::Friday => ("周五", "Fri"),
        Weekday::Saturday => ("周六", "Sat"),
        Weekday::Sunday => ("周日", "Sun"),
    }
}

/// `2 h 15 m`.
pub(crate) fn duration(minutes: u64) -> String {
    format!("{}h{:02}m", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_escaped() {
        let Html(page) = document("x", &[("name", "a\"><script>'&".to_owned())], "t", "");
        assert!(page.contains("data-name=\"a&quot;&gt;&lt;script&gt;&#39;&amp;\""), "{page}");
    }
}

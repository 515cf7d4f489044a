//! Orders: the form, the confirmation, the list.

use axum::response::Html;

use super::super::link::Item;
use super::super::order::{Form, Order};
use super::flights::{badge, boarding_card};
use super::page::{bar, day_en, day_zh, document, escape, tabs, weekday, yuan};
use super::{art, icon};

/// What is ordered, at the top of the form and of the confirmation.
fn summary(item: &Item) -> String {
    match item {
        Item::Flight(flight, cabin) => format!(
            "{}<p class=\"under\">{} {} {} · {} <small>{} · {}</small></p>",
            boarding_card(flight),
            badge(flight),
            flight.airline.zh,
            flight.code(),
            cabin.zh(),
            cabin.en(),
            flight.aircraft
        ),
        Item::Room(hotel, room, stay) => format!(
            "<section class=\"card hotel\">{}<div><b>{}</b><small>{}</small><p>{} {}</p><p>{} {}</p><p>{} – {} · {} 晚 nights</p></div>\
             </section>",
            art::landscape(hotel.picture() as u64, true),
            hotel.zh(),
            hotel.en(),
            room.zh,
            room.en,
            room.bed_zh,
            room.bed_en,
            day_zh(stay.checkin),
            day_zh(stay.checkout()),
            stay.nights
        ),
    }
}

/// What is ordered, as data attributes.
fn facts(item: &Item) -> Vec<(&'static str, String)> {
    let mut facts = item.parameters();
    facts.push(("total", item.total().to_string()));
    facts
}

/// The way back from the order form.
fn back(item: &Item) -> String {
    match item {
        Item::Flight(flight, _) => {
            format!("/flights/{}?from={}&to={}&date={}", flight.code(), flight.from.code, flight.to.code, flight.date)
        }
        Item::Room(hotel, _, stay) => format!("/hotels/{}?{}", hotel.id(), stay.query()),
    }
}

/// The order form, with the field to correct if there is one.
pub(crate) fn form(item: &Item, filled: &Form, mistake: Option<&str>) -> Html<String> {
    let hidden: String = item
        .parameters()
        .iter()
        .chain([&("token", filled.token.clone())])
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value)))
        .collect();
    let field = |name: &str, kind: &str, zh: &str, en: &str, value: &str| {
        let (class, hint) = match mistake == Some(name) {
            true => ("field wrong", "<em>请检查 · Please check</em>"),
            false => ("field", ""),
        };
        format!(
            "<label class=\"{class}\"><span>{zh}<small>{en}</small></span><input id=\"{name}\" name=\"{name}\" type=\"{kind}\" \
             maxlength=\"60\" autocomplete=\"off\" spellcheck=\"false\" value=\"{}\">{hint}</label>",
            escape(value)
        )
    };
    let (who_zh, who_en) = match item {
        Item::Flight(..) => ("乘机人", "Passenger"),
        Item::Room(..) => ("入住人", "Guest"),
    };
    let body = format!(
        "{}<main class=\"with-dock\">{}<form id=\"order\" method=\"post\" action=\"/orders\">{hidden}<h2>{who_zh} <small>{who_en}</small></h2>\
         <section class=\"card fields\">{}{}</section><h2>费用 <small>Price</small></h2><section class=\"card sums\"><p><span>{}</span>{}</p>\
         <p><span>税费 Taxes and fees</span><span>已含 included</span></p><p><span>服务费 Service</span><span>¥0</span></p></section></form></main>\
         <footer class=\"dock\"><div>{}<small>总价 Total</small></div><button class=\"button\" id=\"place\" form=\"order\">提交订单 \
         <small>Place order</small></button></footer>",
        bar(&back(item), "填写订单", "Your order"),
        summary(item),
        field("name", "text", "姓名", "Name", &filled.passenger),
        field("phone", "tel", "手机", "Phone", &filled.phone),
        match item {
            Item::Flight(..) => "成人票 × 1 Adult".to_owned(),
            Item::Room(_, _, stay) => format!("房费 × {} 晚 nights", stay.nights),
        },
        yuan(item.total()),
        yuan(item.total()),
    );
    document("order.form", &facts(item), "填写订单 Order", &body)
}

/// The order was placed.
pub(crate) fn confirmed(order: &Order) -> Html<String> {
    let body = format!(
        "<header class=\"done\"><span>{}</span><h1>预订成功</h1><p>You are all set. Order {}</p></header><main>{}<section class=\"card \
         sums\"><p><span>订单号 Order</span><b>{}</b></p><p><span>姓名 Name</span><b>{}</b></p><p><span>手机 Phone</span><b>{}</b></p>\
         <p><span>总价 Total</span>{}</p></section><div class=\"pair\"><a class=\"button ghost\" href=\"/orders\">我的订单 \
         <small>Trips</small></a><a class=\"button\" href=\"/\">回首页 <small>Home</small></a></div></main>",
        icon::CHECK,
        order.id,
        summary(&order.what),
        order.id,
        escape(&order.passenger),
        escape(&order.phone),
        yuan(order.total_cny),
    );
    let mut facts = facts(&order.what);
    facts.push(("order", order.id.clone()));
    document("order.confirmed", &facts, "预订成功 Confirmed", &body)
}

/// All orders, newest first.
pub(crate) fn list(orders: &[Order]) -> Html<String> {
    let cards: String = orders.iter().rev().map(order_row).collect();
    let body = if orders.is_empty() {
        format!(
            "<main class=\"blank\">{}<h1>还没有订单</h1><p>No trips yet.</p><a class=\"button\" href=\"/\">去看看航班 \
             <small>Find a flight</small></a></main>{}",
            icon::TICKET,
            tabs("orders")
        )
    } else {
        format!(
            "{}<main><section class=\"list\">{cards}</section></main>{}",
            bar("/", "我的订单", "Your trips"),
            tabs("orders")
        )
    };
    document("order.list", &[("orders", orders.len().to_string())], "订单 Trips", &body)
}

fn order_row(order: &Order) -> String {
    let (title, line) = match &order.what {
        Item::Flight(flight, cabin) => {
            let (zh, _) = weekday(flight.date);
            let when =
                format!("{} {zh} {} · {} {}", day_zh(flight.date), flight.departure(), flight.code(), cabin.zh());
            (format!("{} → {}", flight.from.zh, flight.to.zh), when)
        }
        Item::Room(hotel, room, stay) => {
            let when = format!("{} – {} · {}", day_en(stay.checkin), day_en(stay.checkout()), room.zh);
            (hotel.zh().to_owned(), when)
        }
    };
    format!(
        "<a class=\"card trip\" href=\"/order/confirmed?id={}\"><div><b>{title}</b><small>{line}</small><small>{} · 已确认 \
         Confirmed</small></div>{}{}</a>",
        order.id,
        order.id,
        yuan(order.total_cny),
        icon::NEXT
    )
}

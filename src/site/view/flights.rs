//! Flights: the list and one flight.

use std::cmp::Reverse;

use axum::response::Html;

use super::super::flight::{Cabin, Flight};
use super::super::link::{FIRST_DAY, Item, Trip, after};
use super::icon;
use super::page::{bar, day_en, day_zh, document, duration, weekday, yuan};

/// The order of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Departure,
    Price,
    Punctuality,
}

impl Sort {
    pub(crate) fn read(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("departure") => Some(Self::Departure),
            Some("price") => Some(Self::Price),
            Some("punctuality") => Some(Self::Punctuality),
            Some(_) => None,
        }
    }
}

/// All flights of a route on a day.
pub(crate) fn list(trip: Trip, sort: Sort) -> Html<String> {
    let mut flights = trip.flights();
    match sort {
        Sort::Departure => {}
        Sort::Price => flights.sort_by_key(|flight| flight.price(Cabin::Economy)),
        Sort::Punctuality => flights.sort_by_key(|flight| Reverse(flight.punctual)),
    }
    let lowest = flights.iter().map(|flight| flight.price(Cabin::Economy)).min().unwrap_or_default();
    let cards: String = flights.iter().map(|flight| card(trip, flight, lowest)).collect();
    let chip = |this: Sort, name: &str, zh: &str, en: &str| {
        let class = if this == sort { " class=\"on\"" } else { "" };
        format!("<a{class} href=\"/flights?{}&amp;sort={name}\">{zh} <small>{en}</small></a>", query(trip))
    };
    let body = format!(
        "{}{}<main><div class=\"chips\">{}{}{}</div><section class=\"list\">{cards}</section></main>",
        bar(
            &format!("/?{}", trip.query()),
            &format!("{} → {}", trip.from.zh, trip.to.zh),
            &format!("{} – {} · {}", trip.from.en, trip.to.en, day_en(trip.date))
        ),
        price_days(trip),
        chip(Sort::Departure, "departure", "起飞早", "Earliest"),
        chip(Sort::Price, "price", "价格低", "Cheapest"),
        chip(Sort::Punctuality, "punctuality", "准点高", "On time"),
    );
    let facts = [
        ("from", trip.from.code.to_owned()),
        ("to", trip.to.code.to_owned()),
        ("date", trip.date.to_string()),
        ("lowest", lowest.to_string()),
    ];
    document("flight.list", &facts, "航班 Flights", &body)
}

fn query(trip: Trip) -> String {
    trip.query().replace('&', "&amp;")
}

fn card(trip: Trip, flight: &Flight, lowest: u64) -> String {
    let price = flight.price(Cabin::Economy);
    let best = if price == lowest { "<span class=\"tag hot\">最低价 Best price</span>" } else { "" };
    let few = if flight.seats_left < 8 {
        format!("<span class=\"tag\">仅剩{}张</span>", flight.seats_left)
    } else {
        String::new()
    };
    let (depart, arrive) = flight.terminals();
    format!(
        "<a class=\"card flight\" href=\"/flights/{code}?{}\"><div class=\"times\"><div><b>{}</b><small>{}T{depart}</small></div>\
         <div class=\"line\"><small>{}</small><i></i><small>直飞 Nonstop</small></div><div><b>{}</b><small>{}T{arrive}</small></div>\
         <div class=\"price\">{}<small>经济舱</small></div></div><div class=\"foot\">{}<span>{}{code}</span>\
         <span>准点 {}%</span>{best}{few}</div></a>",
        query(trip),
        flight.departure(),
        flight.from.airport_zh,
        duration(flight.lasts),
        flight.arrival(),
        flight.to.airport_zh,
        yuan(price),
        badge(flight),
        flight.airline.zh,
        flight.punctual,
        code = flight.code(),
    )
}

pub(crate) fn badge(flight: &Flight) -> String {
    format!("<span class=\"badge\" style=\"background:{}\">{}</span>", flight.airline.colour, flight.airline.code)
}

/// The days around the chosen one with their lowest prices.
fn price_days(trip: Trip) -> String {
    let first = after(trip.date, -2).max(FIRST_DAY.min(trip.date));
    let strip: String = (0..6)
        .map(|offset| {
            let there = trip.on(after(first, offset));
            let low = there.flights().iter().map(|flight| flight.price(Cabin::Economy)).min().unwrap_or_default();
            let class = if there.date == trip.date { " class=\"on\"" } else { "" };
            let ((zh, _), day) = (weekday(there.date), there.date);
            format!(
                "<a{class} href=\"/flights?{}\"><small>{zh}</small><b>{}.{}</b><small>¥{low}</small></a>",
                query(there),
                day.month(),
                day.day()
            )
        })
        .collect();
    format!("<div class=\"days wide\">{strip}</div>")
}

/// One flight with its fares.
pub(crate) fn detail(trip: Trip, flight: &Flight) -> Html<String> {
    let code = flight.code();
    let fares: String = [(Cabin::Economy, "20 kg", "退改费 ¥120 起"), (Cabin::Business, "2 × 32 kg", "起飞前免费退改")]
        .iter()
        .map(|(cabin, bags, terms)| fare(flight, *cabin, bags, terms))
        .collect();
    let order = Item::Flight(flight.clone(), Cabin::Economy).order_link().replace('&', "&amp;");
    let body = format!(
        "{}<main class=\"with-dock\">{}<section class=\"card facts\">{}</section><h2>选择舱位 <small>Choose a fare</small></h2>{fares}\
         </main><footer class=\"dock\"><div>{}<small>经济舱含税 incl. taxes</small></div><a class=\"button\" id=\"book\" \
         href=\"{order}\">预订 <small>Book</small></a></footer>",
        bar(&format!("/flights?{}", trip.query()), &format!("{} {code}", flight.airline.zh), flight.airline.en),
        boarding_card(flight),
        details(flight),
        yuan(flight.price(Cabin::Economy)),
    );
    let facts = [
        ("flight", code.clone()),
        ("from", trip.from.code.to_owned()),
        ("to", trip.to.code.to_owned()),
        ("date", trip.date.to_string()),
        ("departs", flight.departure()),
        ("arrives", flight.arrival()),
        ("price", flight.price(Cabin::Economy).to_string()),
        ("business-price", flight.price(Cabin::Business).to_string()),
    ];
    document("flight.detail", &facts, &code, &body)
}

/// The flight as a boarding pass: also on the confirmation.
pub(crate) fn boarding_card(flight: &Flight) -> String {
    let ((zh, en), (depart, arrive)) = (weekday(flight.date), flight.terminals());
    let end = |code: &str, time: String, zh: &str, en: &str, terminal: u64| {
        format!("<div><span>{code}</span><b>{time}</b><small>{zh}机场 T{terminal}</small><small>{en}</small></div>")
    };
    let (from, to) = (flight.from, flight.to);
    format!(
        "<section class=\"pass\"><p>{} {zh} <small>{en} {}</small><em>直飞 Nonstop</em></p><div class=\"legs\">{}<div class=\"line\">{}\
         <i></i><small>{}</small></div>{}</div></section>",
        day_zh(flight.date),
        day_en(flight.date),
        end(from.code, flight.departure(), from.airport_zh, from.airport_en, depart),
        icon::PLANE,
        duration(flight.lasts),
        end(to.code, flight.arrival(), to.airport_zh, to.airport_en, arrive),
    )
}

fn details(flight: &Flight) -> String {
    let fact = |icon: &str, zh: &str, en: &str| format!("<div>{icon}<b>{zh}</b><small>{en}</small></div>");
    format!(
        "{}{}{}{}",
        fact(icon::PLANE, flight.aircraft, "机型 Aircraft"),
        fact(icon::CLOCK, &format!("{}%", flight.punctual), "准点率 On time"),
        fact(icon::MEAL, "正餐", "Meal"),
        fact(icon::BAG, "7 kg", "手提 Cabin bag"),
    )
}

fn fare(flight: &Flight, cabin: Cabin, bags: &str, terms: &str) -> String {
    let order = Item::Flight(flight.clone(), cabin).order_link().replace('&', "&amp;");
    format!(
        "<section class=\"card fare\"><div><b>{} <small>{}</small></b><p>{} 托运 {bags}</p><p>{} {terms}</p></div><div>{}\
         <a class=\"button small\" id=\"fare-{}\" href=\"{order}\">选择 <small>Select</small></a></div></section>",
        cabin.zh(),
        cabin.en(),
        icon::BAG,
        icon::CHECK,
        yuan(flight.price(cabin)),
        cabin.name(),
    )
}

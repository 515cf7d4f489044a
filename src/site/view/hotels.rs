//! Hotels: the list and one hotel.

use axum::response::Html;

use super::super::hotel::{Hotel, ROOMS, Room};
use super::super::link::{Item, Stay};
use super::page::{bar, day_en, day_zh, document, yuan};
use super::{art, icon};

fn facts_of(stay: Stay) -> Vec<(&'static str, String)> {
    vec![
        ("city", stay.city.code.to_owned()),
        ("checkin", stay.checkin.to_string()),
        ("checkout", stay.checkout().to_string()),
        ("nights", stay.nights.to_string()),
    ]
}

/// The hotels of a city.
pub(crate) fn list(stay: Stay) -> Html<String> {
    let cards: String = Hotel::all_in(stay.city).map(|hotel| card(stay, hotel)).collect();
    let body = format!(
        "{}<main><section class=\"list\">{cards}</section></main>",
        bar(
            &format!("/?tab=hotels&{}", stay.query()),
            &format!("{} · {}晚", stay.city.zh, stay.nights),
            &format!("{} · {} – {}", stay.city.en, day_en(stay.checkin), day_en(stay.checkout()))
        ),
    );
    document("hotel.list", &facts_of(stay), "酒店 Hotels", &body)
}

fn card(stay: Stay, hotel: Hotel) -> String {
    let ((zh, en), (district_zh, district_en)) = (hotel.blurb(), hotel.district());
    format!(
        "<a class=\"card hotel\" href=\"/hotels/{}?{}\">{}<div><b>{}</b><small>{} · {}</small><p>{} {district_zh} \
         {district_en}</p><p class=\"blurb\" title=\"{en}\">{zh}</p><div class=\"foot\">{}<span>{} 条点评</span><span \
         class=\"price\">{}<small> 起/晚</small></span></div></div></a>",
        hotel.id(),
        stay.query().replace('&', "&amp;"),
        art::landscape(hotel.picture() as u64, true),
        hotel.zh(),
        hotel.en(),
        stars(hotel),
        icon::PIN,
        score(hotel),
        hotel.reviews(),
        yuan(hotel.price_from()),
    )
}

fn stars(hotel: Hotel) -> String {
    format!("<span class=\"stars\">{}</span>", "★".repeat(hotel.stars() as usize))
}

fn score(hotel: Hotel) -> String {
    format!("<span class=\"score\">{}.{}</span>", hotel.score() / 10, hotel.score() % 10)
}

/// One hotel with its rooms.
pub(crate) fn detail(stay: Stay, hotel: Hotel) -> Html<String> {
    let ((zh, en), (district_zh, district_en)) = (hotel.blurb(), hotel.district());
    let rooms: String = ROOMS.iter().map(|room| room_card(stay, hotel, room)).collect();
    let body = format!(
        "{}<main><section class=\"cover\">{}</section><section class=\"card about\"><b>{}</b><small>{} · {}</small><p>{} {}{district_zh} \
         · {} {district_en}</p><p>{zh} <small>{en}</small></p><div class=\"foot\">{}<span>{} 条点评 reviews</span></div></section>\
         <section class=\"card stay\"><div><small>入住 Check-in</small><b>{}</b></div><em>{} 晚</em><div><small>离店 \
         Check-out</small><b>{}</b></div></section><h2>选择房型 <small>Choose a room</small></h2>{rooms}</main>",
        bar(&format!("/hotels?{}", stay.query()), hotel.zh(), hotel.en()),
        art::landscape(hotel.picture() as u64, true),
        hotel.zh(),
        hotel.en(),
        stars(hotel),
        icon::PIN,
        stay.city.zh,
        stay.city.en,
        score(hotel),
        hotel.reviews(),
        day_zh(stay.checkin),
        stay.nights,
        day_zh(stay.checkout()),
    );
    let mut facts = facts_of(stay);
    facts.push(("hotel", hotel.id()));
    facts.push(("price", hotel.price_from().to_string()));
    document("hotel.detail", &facts, hotel.zh(), &body)
}

fn room_card(stay: Stay, hotel: Hotel, room: &'static Room) -> String {
    let order = Item::Room(hotel, room, stay).order_link().replace('&', "&amp;");
    format!(
        "<section class=\"card fare\"><div><b>{} <small>{}</small></b><p>{} {} · {} m²</p><p>{} 含双早 Breakfast for two</p></div><div>{}\
         <a class=\"button small\" id=\"room-{}\" href=\"{order}\">预订 <small>Book</small></a></div></section>",
        room.zh,
        room.en,
        icon::BED,
        room.bed_zh,
        room.square_metres,
        icon::CHECK,
        yuan(hotel.price(room)),
        room.code,
    )
}

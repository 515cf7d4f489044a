//! The first screens: what are you looking for?

use axum::response::Html;

use super::super::city::{CITIES, City};
use super::super::flight::lowest;
use super::super::hotel::Hotel;
use super::super::link::{FIRST_DAY, Stay, Trip, after};
use super::page::{bar, day_en, day_zh, document, tabs, weekday, yuan};
use super::{art, icon};

/// Routes shown on the first screen.
const POPULAR: [(&str, &str); 4] = [("PEK", "SYX"), ("SHA", "TFU"), ("CAN", "HGH"), ("PEK", "HKG")];

fn hero(zh: &str, en: &str) -> String {
    format!(
        "<header class=\"hero\"><div class=\"brand\"><span class=\"mark\">{}</span><b>同行旅行</b><small>Tandem \
         Travel</small></div><h1>{zh}</h1><p>{en}</p></header>",
        icon::PLANE
    )
}

/// The flight search.
pub(crate) fn flights(trip: Trip) -> Html<String> {
    let end = |field: &str, city: &City, zh: &str, en: &str| {
        format!(
            "<a class=\"end\" href=\"/cities?field={field}&amp;{}\"><small>{zh} {en}</small><b>{}</b><span>{} {}</span></a>",
            trip.query().replace('&', "&amp;"),
            city.zh,
            city.en,
            city.code
        )
    };
    let popular: String = POPULAR
        .iter()
        .filter_map(|(from, to)| Some((City::find(from)?, City::find(to)?)))
        .map(|(from, to)| {
            format!(
                "<a class=\"route\" href=\"/flights?{}\">{}<b>{} → {}</b><small>{} – {}</small>{}</a>",
                Trip { from, to, date: trip.date }.query().replace('&', "&amp;"),
                art::landscape(to.index(), false),
                from.zh,
                to.zh,
                from.en,
                to.en,
                yuan(lowest(from, to, trip.date))
            )
        })
        .collect();
    let days = days(7, trip.date, |date| format!("/?{}", trip.on(date).query()));
    let body = format!(
        "{}<main><section class=\"card search\"><div class=\"ends\">{}<a class=\"swap\" href=\"/?{}\" aria-label=\"对调 \
         Swap\">{}</a>{}</div>{days}<div class=\"row\">{}<span>1 成人 · 经济舱/公务舱</span><small>1 adult</small></div>\
         <a class=\"button\" id=\"search\" href=\"/flights?{}\">查询航班 <small>Search flights</small></a></section>\
         <h2>热门航线 <small>Popular routes</small></h2><section class=\"routes\">{popular}</section></main>{}",
        hero("下一站，去哪儿？", "Where to next?"),
        end("from", trip.from, "出发", "From"),
        trip.swapped().query().replace('&', "&amp;"),
        icon::SWAP,
        end("to", trip.to, "到达", "To"),
        icon::PERSON,
        trip.query().replace('&', "&amp;"),
        tabs("flights")
    );
    let facts = [("from", trip.from.code.to_owned()), ("to", trip.to.code.to_owned()), ("date", trip.date.to_string())];
    document("flight.search", &facts, "机票 Flights", &body)
}

/// The hotel search.
pub(crate) fn hotels(stay: Stay) -> Html<String> {
    let link = |stay: Stay| format!("/?tab=hotels&amp;{}", stay.query().replace('&', "&amp;"));
    let fewer = Stay { nights: (stay.nights - 1).max(1), ..stay };
    let more = Stay { nights: (stay.nights + 1).min(28), ..stay };
    let picks: String = Hotel::all_in(stay.city)
        .filter(|hotel| hotel.stars() > 3)
        .map(|hotel| {
            format!(
                "<a class=\"route\" href=\"/hotels/{}?{}\">{}<b>{}</b><small>{}</small>{}</a>",
                hotel.id(),
                stay.query().replace('&', "&amp;"),
                art::landscape(hotel.picture() as u64, true),
                hotel.zh(),
                hotel.en(),
                yuan(hotel.price_from())
            )
        })
        .collect();
    let body = format!(
        "{}<main><section class=\"card search\"><div class=\"ends\"><a class=\"end\" href=\"/cities?field=city&amp;{}\"><small>\
         目的地 Destination</small><b>{}</b><span>{}</span></a></div>{}<div class=\"row\">{}<span>入住 {} 晚</span><small>{} \
         nights</small><span class=\"step\"><a href=\"{}\" aria-label=\"少一晚\">−</a><a href=\"{}\" aria-label=\"多一晚\">+</a>\
         </span></div><a class=\"button\" id=\"search\" href=\"/hotels?{}\">查询酒店 <small>Search hotels</small></a></section>\
         <h2>{}精选 <small>Picked in {}</small></h2><section class=\"routes\">{picks}</section></main>{}",
        hero("今晚，住得好一点", "Sleep well tonight."),
        stay.query().replace('&', "&amp;"),
        stay.city.zh,
        stay.city.en,
        days(7, stay.checkin, |checkin| link(Stay { checkin, ..stay })),
        icon::BED,
        stay.nights,
        stay.nights,
        link(fewer),
        link(more),
        stay.query().replace('&', "&amp;"),
        stay.city.zh,
        stay.city.en,
        tabs("hotels")
    );
    let facts = [
        ("city", stay.city.code.to_owned()),
        ("checkin", stay.checkin.to_string()),
        ("nights", stay.nights.to_string()),
    ];
    document("hotel.search", &facts, "酒店 Hotels", &body)
}

/// A strip of days around the chosen one; it never begins before the first day there is.
pub(crate) fn days(count: i64, chosen: jiff::civil::Date, link: impl Fn(jiff::civil::Date) -> String) -> String {
    let first = after(chosen, -count / 2).max(FIRST_DAY.min(chosen));
    let day = |date| {
        let (class, (zh, en)) = (if date == chosen { " class=\"on\"" } else { "" }, weekday(date));
        let href = link(date).replace("&amp;", "&").replace('&', "&amp;");
        format!("<a{class} href=\"{href}\"><small>{zh}</small><b>{}</b><small>{en}</small></a>", date.day())
    };
    let strip: String = (0..count).map(|offset| day(after(first, offset))).collect();
    let (zh, en) = weekday(chosen);
    format!(
        "<div class=\"row\">{}<span>{} {zh}</span><small>{en} {}</small></div><div class=\"days\">{strip}</div>",
        icon::CALENDAR,
        day_zh(chosen),
        day_en(chosen)
    )
}

/// What a city is being picked for.
pub(crate) enum Pick {
    From(Trip),
    To(Trip),
    Stay(Stay),
}

impl Pick {
    /// The way back with this city chosen; `None` where it cannot be.
    fn link(&self, city: &'static City) -> Option<String> {
        match *self {
            Self::From(trip) => (city != trip.to).then(|| format!("/?{}", Trip { from: city, ..trip }.query())),
            Self::To(trip) => (city != trip.from).then(|| format!("/?{}", Trip { to: city, ..trip }.query())),
            Self::Stay(stay) => Some(format!("/?tab=hotels&{}", Stay { city, ..stay }.query())),
        }
    }

    fn chosen(&self) -> &'static City {
        match self {
            Self::From(trip) => trip.from,
            Self::To(trip) => trip.to,
            Self::Stay(stay) => stay.city,
        }
    }
}

/// The list of cities.
pub(crate) fn cities(pick: Pick) -> Html<String> {
    let back = pick.link(pick.chosen()).unwrap_or_else(|| "/".to_owned());
    let rows: String = CITIES
        .iter()
        .filter_map(|city| Some((city, pick.link(city)?)))
        .map(|(city, link)| {
            let class = if city == pick.chosen() { "city on" } else { "city" };
            format!(
                "<a class=\"{class}\" href=\"{}\"><b>{}</b><span>{}</span><small>{}</small></a>",
                link.replace('&', "&amp;"),
                city.zh,
                city.en,
                city.code
            )
        })
        .collect();
    let body = format!(
        "{}<main><section class=\"card cities\">{rows}</section></main>",
        bar(&back, "选择城市", "Choose a city")
    );
    document("city.pick", &[("chosen", pick.chosen().code.to_owned())], "选择城市 Cities", &body)
}

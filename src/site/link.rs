//! Deep links: their queries, read into what the catalogue knows, and written back.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use serde::Deserialize;

use super::city::City;
use super::flight::{Cabin, Flight, timetable};
use super::hotel::{Hotel, Room};

/// The day shown when a link names none: fixed, so that the site is the same every day.
pub(super) const FIRST_DAY: Date = date(2026, 12, 1);

/// Nights a stay may last.
const MAX_NIGHTS: u64 = 28;

/// A link that names nothing we sell; answered with the "not found" screen.
#[derive(Debug)]
pub(super) struct DeadLink;

/// Every parameter of every page. A parameter that is absent has a default; one that is wrong is a dead link.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    pub tab: Option<String>,
    pub field: Option<String>,
    pub sort: Option<String>,
    pub id: Option<String>,
    pub kind: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub date: Option<String>,
    pub flight: Option<String>,
    pub cabin: Option<String>,
    pub city: Option<String>,
    pub checkin: Option<String>,
    pub nights: Option<String>,
    pub hotel: Option<String>,
    pub room: Option<String>,
    /// Only in the order form.
    pub name: Option<String>,
    pub phone: Option<String>,
    pub token: Option<String>,
}

/// A route on a day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trip {
    pub from: &'static City,
    pub to: &'static City,
    pub date: Date,
}

impl Trip {
    pub fn read(query: &Query) -> Result<Self, DeadLink> {
        let from = city(query.from.as_deref(), "PEK")?;
        let to = city(query.to.as_deref(), "SHA")?;
        if from == to {
            return Err(DeadLink);
        }
        Ok(Self { from, to, date: day(query.date.as_deref())? })
    }

    /// The query that names this trip.
    pub fn query(&self) -> String {
        format!("from={}&to={}&date={}", self.from.code, self.to.code, self.date)
    }

    pub fn on(self, date: Date) -> Self {
        Self { date, ..self }
    }

    pub fn swapped(self) -> Self {
        Self { from: self.to, to: self.from, ..self }
    }

    pub fn flights(&self) -> Vec<Flight> {
        timetable(self.from, self.to, self.date)
    }

    pub fn flight(&self, code: &str) -> Result<Flight, DeadLink> {
        self.flights().into_iter().find(|flight| flight.code().eq_ignore_ascii_case(code)).ok_or(DeadLink)
    }
}

/// Nights in a city.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    pub city: &'static City,
    pub checkin: Date,
    pub nights: u64,
}

impl Stay {
    pub fn read(query: &Query) -> Result<Self, DeadLink> {
        let nights = match query.nights.as_deref() {
            None => 2,
            Some(text) => text.parse().map_err(|_| DeadLink)?,
        };
        if !(1..=MAX_NIGHTS).contains(&nights) {
            return Err(DeadLink);
        }
        Ok(Self { city: city(query.city.as_deref(), "SHA")?, checkin: day(query.checkin.as_deref())?, nights })
    }

    pub fn query(&self) -> String {
        format!("city={}&checkin={}&nights={}", self.city.code, self.checkin, self.nights)
    }

    pub fn checkout(&self) -> Date {
        after(self.checkin, self.nights as i64)
    }
}

/// What is being ordered.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Flight(Flight, Cabin),
    Room(Hotel, &'static Room, Stay),
}

impl Item {
    pub fn read(query: &Query) -> Result<Self, DeadLink> {
        match query.kind.as_deref() {
            Some("flight") | None => {
                let flight = Trip::read(query)?.flight(query.flight.as_deref().ok_or(DeadLink)?)?;
                let cabin = Cabin::find(query.cabin.as_deref().unwrap_or("economy")).ok_or(DeadLink)?;
                Ok(Self::Flight(flight, cabin))
            }
            Some("hotel") => {
                let hotel = Hotel::find(query.hotel.as_deref().ok_or(DeadLink)?).ok_or(DeadLink)?;
                let room = Room::find(query.room.as_deref().unwrap_or("king")).ok_or(DeadLink)?;
                let stay = Stay { city: hotel.city, ..Stay::read(query)? };
                Ok(Self::Room(hotel, room, stay))
            }
            Some(_) => Err(DeadLink),
        }
    }

    /// The parameters that name this item.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Flight(flight, cabin) => vec![
                ("kind", "flight".to_owned()),
                ("flight", flight.code()),
                ("from", flight.from.code.to_owned()),
                ("to", flight.to.code.to_owned()),
                ("date", flight.date.to_string()),
                ("cabin", cabin.name().to_owned()),
            ],
            Self::Room(hotel, room, stay) => vec![
                ("kind", "hotel".to_owned()),
                ("hotel", hotel.id()),
                ("room", room.code.to_owned()),
                ("checkin", stay.checkin.to_string()),
                ("nights", stay.nights.to_string()),
            ],
        }
    }

    /// The link to the order form for this item.
    pub fn order_link(&self) -> String {
        let pairs: Vec<_> = self.parameters().iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("/order?{}", pairs.join("&"))
    }

    /// The whole price, yuan.
    pub fn total(&self) -> u64 {
        match self {
            Self::Flight(flight, cabin) => flight.price(*cabin),
            Self::Room(hotel, room, stay) => hotel.price(room) * stay.nights,
        }
    }
}

/// The day `days` after `date`, or `date` itself at the end of the calendar.
pub(super) fn after(date: Date, days: i64) -> Date {
    date.checked_add(days.days()).unwrap_or(date)
}

fn city(code: Option<&str>, default: &str) -> Result<&'static City, DeadLink> {
    City::find(code.unwrap_or(default)).ok_or(DeadLink)
}

/// A day of this century: the timetable does not go further.
fn day(text: Option<&str>) -> Result<Date, DeadLink> {
    let Some(text) = text else { return Ok(FIRST_DAY) };
    let day: Date = text.parse().map_err(|_| DeadLink)?;
    if (2000..2100).contains(&day.year()) { Ok(day) } else { Err(DeadLink) }
}

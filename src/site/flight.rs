//! The timetable: made up, and the same for everybody.

use jiff::civil::{Date, Weekday};

use super::city::City;
use super::seed::below;

/// Flights a day on each route.
const FLIGHTS: usize = 8;

#[derive(Debug)]
pub(super) struct Airline {
    pub code: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
    /// The colour of its badge.
    pub colour: &'static str,
}

static AIRLINES: [Airline; 5] = [
    Airline { code: "CA", zh: "国航", en: "Air China", colour: "#c8102e" },
    Airline { code: "MU", zh: "东航", en: "China Eastern", colour: "#1d4f91" },
    Airline { code: "CZ", zh: "南航", en: "China Southern", colour: "#0090c8" },
    Airline { code: "HU", zh: "海航", en: "Hainan Airlines", colour: "#b5121b" },
    Airline { code: "MF", zh: "厦航", en: "Xiamen Airlines", colour: "#00589c" },
];

const AIRCRAFT: [&str; 4] = ["Airbus A320neo", "Boeing 737-800", "Airbus A330-300", "COMAC C919"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cabin {
    Economy,
    Business,
}

impl Cabin {
    pub fn find(name: &str) -> Option<Self> {
        match name {
            "economy" => Some(Self::Economy),
            "business" => Some(Self::Business),
            _ => None,
        }
    }

    /// Its name in links.
    pub fn name(self) -> &'static str {
        match self {
            Self::Economy => "economy",
            Self::Business => "business",
        }
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::Economy => "经济舱",
            Self::Business => "公务舱",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Economy => "Economy",
            Self::Business => "Business",
        }
    }
}

/// One flight on one day.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub number: u64,
    pub airline: &'static Airline,
    pub from: &'static City,
    pub to: &'static City,
    pub date: Date,
    /// Minutes after midnight.
    pub departs: u64,
    /// Minutes.
    pub lasts: u64,
    pub aircraft: &'static str,
    /// Of 100 flights.
    pub punctual: u64,
    pub seats_left: u64,
    economy_cny: u64,
}

impl Flight {
    /// Airline code and number, as in links.
    pub fn code(&self) -> String {
        format!("{}{}", self.airline.code, self.number)
    }

    pub fn departure(&self) -> String {
        clock(self.departs)
    }

    pub fn arrival(&self) -> String {
        clock(self.departs + self.lasts)
    }

    /// Yuan for one adult, taxes included.
    pub fn price(&self, cabin: Cabin) -> u64 {
        match cabin {
            Cabin::Economy => self.economy_cny,
            Cabin::Business => self.economy_cny * 27 / 100 * 10 + 300,
        }
    }

    /// The terminals of departure and arrival.
    pub fn terminals(&self) -> (u64, u64) {
        (1 + self.number % 3, 1 + self.number % 2)
    }
}

/// The flights of a route on a day, by departure. The two cities differ.
pub(super) fn timetable(from: &'static City, to: &'static City, date: Date) -> Vec<Flight> {
    (0..FLIGHTS).map(|slot| flight(from, to, date, slot)).collect()
}

/// The lowest price of a route on a day, yuan.
pub(super) fn lowest(from: &'static City, to: &'static City, date: Date) -> u64 {
    timetable(from, to, date).iter().map(|flight| flight.price(Cabin::Economy)).min().unwrap_or_default()
}

fn flight(from: &'static City, to: &'static City, date: Date, slot: usize) -> Flight {
    let s = slot as u64;
    // The route's number is 0 for Beijing to Shanghai.
    let route = from.index() * 10 + to.index() - 1;
    let day = date.day_of_year() as u64 + 400 * date.year() as u64;
    let kilometres = from.distance_km(to);
    let lasts = 35 + (kilometres / 13.0) as u64;
    let crowd = match date.weekday() {
        Weekday::Friday | Weekday::Sunday => 1.25,
        Weekday::Saturday => 1.1,
        _ => 1.0,
    };
    let hour = [1.05, 0.95, 1.1, 0.85, 0.8, 1.0, 1.2, 0.75][slot % FLIGHTS];
    let spread = 0.9 + below(20, &[route, day, s, 1]) as f64 / 100.0;
    let economy = (160.0 + kilometres * 0.52) * crowd * hour * spread;
    Flight {
        number: 1000 + (307 + route * 73 + s * 1117) % 8000,
        airline: &AIRLINES[(slot + route as usize) % AIRLINES.len()],
        from,
        to,
        date,
        departs: 7 * 60 + 30 + s * 115 + below(9, &[route, s, 2]) * 5 * u64::from(slot > 0),
        lasts: lasts - lasts % 5,
        aircraft: AIRCRAFT[below(4, &[route, s, 3]) as usize],
        punctual: 78 + below(20, &[route, s, 4]),
        seats_left: 2 + below(28, &[route, day, s, 5]),
        economy_cny: (economy / 10.0) as u64 * 10,
    }
}

fn clock(minutes: u64) -> String {
    format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::super::city::CITIES;
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_first_flight_from_beijing_to_shanghai_is_the_documented_one() {
        let (from, to) = (City::find("PEK").unwrap(), City::find("sha").unwrap());
        let flights = timetable(from, to, date(2026, 12, 1));
        assert_eq!((flights[0].code().as_str(), flights[0].departure().as_str()), ("CA1307", "07:30"));
        assert_eq!(flights[0].price(Cabin::Economy), timetable(from, to, date(2026, 12, 1))[0].price(Cabin::Economy));
    }

    #[test]
    fn every_route_has_distinct_flights_in_order_at_sane_prices() {
        for from in &CITIES {
            for to in CITIES.iter().filter(|to| *to != from) {
                let flights = timetable(from, to, date(2026, 12, 4));
                assert!(flights.is_sorted_by(|a, b| a.departs < b.departs), "{} {}", from.code, to.code);
                let mut codes: Vec<_> = flights.iter().map(Flight::code).collect();
                codes.sort();
                codes.dedup();
                assert_eq!(codes.len(), FLIGHTS);
                for flight in &flights {
                    assert!((100..3000).contains(&flight.price(Cabin::Economy)), "{flight:?}");
                    assert!(flight.price(Cabin::Business) > flight.price(Cabin::Economy));
                    assert!(flight.departs < 24 * 60);
                }
            }
        }
    }
}

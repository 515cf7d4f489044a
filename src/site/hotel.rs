//! The hotels: made up, six in each city.

use super::city::City;
use super::seed::below;

#[derive(Debug)]
struct House {
    zh: &'static str,
    en: &'static str,
    stars: u64,
    base_cny: u64,
    blurb_zh: &'static str,
    blurb_en: &'static str,
}

const fn house(
    zh: &'static str,
    en: &'static str,
    stars: u64,
    base_cny: u64,
    blurb_zh: &'static str,
    blurb_en: &'static str,
) -> House {
    House { zh, en, stars, base_cny, blurb_zh, blurb_en }
}

static HOUSES: [House; 6] = [
    house("梧桐里酒店", "Plane Tree House", 4, 520, "老街深处的安静院落", "A quiet courtyard off the old street"),
    house("云栖国际大酒店", "Cloudrest Grand", 5, 980, "高层江景与行政酒廊", "High floors, river views, a lounge"),
    house("渡口行馆", "Ferry Lodge", 4, 610, "码头旁的设计酒店", "A design hotel by the old ferry"),
    house("青石客舍", "Bluestone Inn", 3, 320, "步行可达地铁", "A short walk from the metro"),
    house("启程酒店", "Startway Hotel", 3, 260, "清早出发的好选择", "Made for early departures"),
    house("半山度假酒店", "Half Hill Resort", 5, 1180, "花园、泳池与亲子乐园", "Gardens, a pool and room to play"),
];

const DISTRICTS: [(&str, &str); 6] = [
    ("老城", "Old Town"),
    ("滨江", "Riverside"),
    ("会展中心", "Expo"),
    ("大学城", "University"),
    ("机场", "Airport"),
    ("湖畔", "Lakeside"),
];

/// A kind of room.
#[derive(Debug, PartialEq)]
pub(super) struct Room {
    /// Its name in links.
    pub code: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
    pub bed_zh: &'static str,
    pub bed_en: &'static str,
    pub square_metres: u64,
    per_cent: u64,
}

pub(super) static ROOMS: [Room; 3] = [
    room("king", "舒适大床房", "Comfort King", "1.8 米大床", "one king bed", 28, 100),
    room("twin", "高级双床房", "Superior Twin", "1.2 米双床", "two single beds", 32, 112),
    room("suite", "景观套房", "View Suite", "2 米大床", "one super king", 56, 190),
];

const fn room(
    code: &'static str,
    zh: &'static str,
    en: &'static str,
    bed_zh: &'static str,
    bed_en: &'static str,
    square_metres: u64,
    per_cent: u64,
) -> Room {
    Room { code, zh, en, bed_zh, bed_en, square_metres, per_cent }
}

impl Room {
    pub fn find(code: &str) -> Option<&'static Room> {
        ROOMS.iter().find(|room| room.code == code)
    }
}

/// A hotel of a city.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hotel {
    pub city: &'static City,
    number: usize,
}

impl Hotel {
    /// The hotel that a link names, such as `SHA-3`.
    pub fn find(id: &str) -> Option<Hotel> {
        let (code, number) = id.split_once('-')?;
        let number = number.parse::<usize>().ok()?.checked_sub(1)?;
        let city = City::find(code)?;
        (number < HOUSES.len()).then_some(Hotel { city, number })
    }

    pub fn all_in(city: &'static City) -> impl Iterator<Item = Hotel> {
        (0..HOUSES.len()).map(move |number| Hotel { city, number })
    }

    fn house(&self) -> &'static House {
        &HOUSES[self.number]
    }

    pub fn id(&self) -> String {
        format!("{}-{}", self.city.code, self.number + 1)
    }

    pub fn zh(&self) -> &'static str {
        self.house().zh
    }

    pub fn en(&self) -> &'static str {
        self.house().en
    }

    pub fn blurb(&self) -> (&'static str, &'static str) {
        (self.house().blurb_zh, self.house().blurb_en)
    }

    pub fn district(&self) -> (&'static str, &'static str) {
        DISTRICTS[self.number]
    }

    pub fn stars(&self) -> u64 {
        self.house().stars
    }

    /// Guests' score out of 50.
    pub fn score(&self) -> u64 {
        40 + self.house().stars + below(4, &[self.city.index(), self.number as u64, 11])
    }

    pub fn reviews(&self) -> u64 {
        180 + below(4000, &[self.city.index(), self.number as u64, 12])
    }

    pub fn picture(&self) -> usize {
        self.number
    }

    /// Yuan for one night.
    pub fn price(&self, room: &Room) -> u64 {
        let local = 85 + below(40, &[self.city.index(), self.number as u64, 13]);
        self.house().base_cny * local / 100 * room.per_cent / 100 / 10 * 10 - 2
    }

    /// The cheapest room's price for one night, yuan.
    pub fn price_from(&self) -> u64 {
        ROOMS.iter().map(|room| self.price(room)).min().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hotel_is_found_by_its_own_id_and_by_no_other() {
        let city = City::find("SHA").unwrap();
        for hotel in Hotel::all_in(city) {
            assert_eq!(Hotel::find(&hotel.id()).unwrap().en(), hotel.en());
            assert!((200..2500).contains(&hotel.price_from()), "{hotel:?}");
            assert!(hotel.score() <= 50);
        }
        for id in ["SHA", "SHA-0", "SHA-7", "XXX-1", "SHA-x", "-", "SHA-99999999999999999999"] {
            assert!(Hotel::find(id).is_none(), "{id}");
        }
    }
}

//! The cities the agency sells.

/// A city with the airport that stands for it.
#[derive(Debug, PartialEq)]
pub(super) struct City {
    /// The airport's IATA code, which names the city in links.
    pub code: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
    pub airport_zh: &'static str,
    pub airport_en: &'static str,
    /// Degrees north and east.
    position: (f64, f64),
}

const fn city(
    code: &'static str,
    zh: &'static str,
    en: &'static str,
    airport_zh: &'static str,
    airport_en: &'static str,
    position: (f64, f64),
) -> City {
    City { code, zh, en, airport_zh, airport_en, position }
}

/// All cities; the order numbers them.
pub(super) static CITIES: [City; 10] = [
    city("PEK", "北京", "Beijing", "首都", "Capital", (40.08, 116.58)),
    city("SHA", "上海", "Shanghai", "虹桥", "Hongqiao", (31.20, 121.34)),
    city("CAN", "广州", "Guangzhou", "白云", "Baiyun", (23.39, 113.31)),
    city("SZX", "深圳", "Shenzhen", "宝安", "Bao'an", (22.64, 113.81)),
    city("TFU", "成都", "Chengdu", "天府", "Tianfu", (30.32, 104.44)),
    city("HGH", "杭州", "Hangzhou", "萧山", "Xiaoshan", (30.23, 120.43)),
    city("XIY", "西安", "Xi'an", "咸阳", "Xianyang", (34.44, 108.75)),
    city("SYX", "三亚", "Sanya", "凤凰", "Phoenix", (18.30, 109.41)),
    city("KMG", "昆明", "Kunming", "长水", "Changshui", (25.10, 102.93)),
    city("HKG", "香港", "Hong Kong", "赤鱲角", "Chek Lap Kok", (22.31, 113.91)),
];

impl City {
    /// The city with this airport code, in either case.
    pub fn find(code: &str) -> Option<&'static City> {
        CITIES.iter().find(|city| city.code.eq_ignore_ascii_case(code))
    }

    /// The city's place in [`CITIES`].
    pub fn index(&self) -> u64 {
        CITIES.iter().position(|city| city == self).unwrap_or_default() as u64
    }

    /// Great-circle distance, kilometres.
    pub fn distance_km(&self, other: &City) -> f64 {
        let (lat_a, lon_a) = (self.position.0.to_radians(), self.position.1.to_radians());
        let (lat_b, lon_b) = (other.position.0.to_radians(), other.position.1.to_radians());
        let h =
            ((lat_b - lat_a) / 2.0).sin().powi(2) + lat_a.cos() * lat_b.cos() * ((lon_b - lon_a) / 2.0).sin().powi(2);
        2.0 * 6371.0 * h.sqrt().asin()
    }
}

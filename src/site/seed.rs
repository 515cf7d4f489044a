//! Made-up numbers that are the same on every machine.

/// Mixes values into one well-spread number (the finaliser of SplitMix64).
pub(super) fn mix(values: &[u64]) -> u64 {
    values.iter().fold(0x9e37_79b9_7f4a_7c15, |state, value| {
        let mut z = state ^ value.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// A made-up number below `bound` (which is not 0).
pub(super) fn below(bound: u64, values: &[u64]) -> u64 {
    mix(values) % bound
}

//! "Did you mean": the nearest of the known words.

/// The known word closest to `word`, when it is close enough to be a slip of the keyboard.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|&(steps, candidate)| steps <= allowed || is_same_but_for_unit(&word, candidate))
        .collect();
    near.sort();
    match near.as_slice() {
        // Two that are as near: `agent3` between `agent1` and `agent2` would be a guess.
        [(first, _), (second, _), ..] if first == second => None,
        [(_, nearest), ..] => Some(nearest),
        [] => None,
    }
}

/// `ring_timeout` for `ring_timeout_s`: whoever leaves the unit out means the key with the unit.
fn is_same_but_for_unit(word: &str, candidate: &str) -> bool {
    ["_s", "_ms", "_bytes", "_max"].iter().any(|unit| candidate.strip_suffix(unit) == Some(word))
}

/// Edits between two words: insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let keys = ["bind", "profile", "transport", "ring_timeout_s"];
        assert_eq!(nearest("bnid", keys), Some("bind"));
        assert_eq!(nearest("Profil", keys), Some("profile"));
        assert_eq!(nearest("trasnport", keys), Some("transport"));
        assert_eq!(nearest("ring_timeout", keys), Some("ring_timeout_s"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest("agent3", ["agent1", "agent2"]), None);
    }
}

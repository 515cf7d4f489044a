//! A table for people: aligned, and as wide as the terminal allows.

/// A column of a [`render`]ed table.
pub(super) struct Column {
    /// What stands above it.
    pub(super) title: &'static str,
    /// Numbers stand to the right.
    pub(super) is_right: bool,
    /// The columns with the highest rank are left out first when the terminal is narrow; rank 0 always stays.
    pub(super) rank: u8,
}

/// Two blanks between columns.
const GAP: usize = 2;

/// Renders rows of as many cells as there are columns, each line ended by a newline and at most `width` wide as long as
/// there are columns to leave out.
pub(super) fn render(columns: &[Column], rows: &[Vec<String>], width: usize) -> String {
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| rows.iter().map(|row| width_of(&row[index])).fold(width_of(column.title), usize::max))
        .collect();
    let shown = fitting(columns, &widths, width);
    let line = |cell: &dyn Fn(usize) -> String| {
        let cells: Vec<String> =
            shown.iter().map(|&index| pad(&cell(index), widths[index], columns[index].is_right)).collect();
        format!("{}\n", cells.join(&" ".repeat(GAP)).trim_end())
    };
    let head = line(&|index| columns[index].title.to_owned());
    rows.iter().fold(head, |text, row| text + &line(&|index| row[index].clone()))
}

/// The indices of the columns that fit.
fn fitting(columns: &[Column], widths: &[usize], width: usize) -> Vec<usize> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    loop {
        let total = shown.iter().map(|&index| widths[index]).sum::<usize>() + GAP * shown.len().saturating_sub(1);
        let least = shown.iter().enumerate().max_by_key(|&(_, &index)| columns[index].rank);
        match least {
            Some((place, &index)) if total > width && columns[index].rank > 0 => drop(shown.remove(place)),
            _ => return shown,
        }
    }
}

fn pad(text: &str, width: usize, is_right: bool) -> String {
    let blanks = " ".repeat(width.saturating_sub(width_of(text)));
    if is_right { blanks + text } else { text.to_owned() + &blanks }
}

/// Terminal cells: Chinese characters and their punctuation take two (Unicode Standard Annex 11, roughly).
fn width_of(text: &str) -> usize {
    text.chars()
        .map(|c| match u32::from(c) {
            0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF => 2,
            0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x20000..=0x3FFFD => 2,
            _ => 1,
        })
        .sum()
}

/// Cells in a line of the terminal on stdout; unlimited when it is none, 80 when it does not say.
pub(super) fn terminal_width() -> usize {
    use std::io::IsTerminal;
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return usize::MAX;
    }
    match rustix::termios::tcgetwinsize(&stdout) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => 80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column { title: "QUEUE", is_right: false, rank: 0 },
        Column { title: "NOTE", is_right: false, rank: 2 },
        Column { title: "TALK", is_right: true, rank: 1 },
    ];

    fn rows() -> Vec<Vec<String>> {
        [["机票", "long remark", "1:05"], ["hotels", "", "12:05"]].map(|row| row.map(String::from).to_vec()).to_vec()
    }

    #[test]
    fn cells_are_aligned_also_beside_chinese_ones() {
        let expected = "QUEUE   NOTE          TALK\n机票    long remark   1:05\nhotels               12:05\n";
        assert_eq!(render(COLUMNS, &rows(), 80), expected);
    }

    #[test]
    fn a_narrow_terminal_loses_the_least_important_columns() {
        assert_eq!(render(COLUMNS, &rows(), 20), "QUEUE    TALK\n机票     1:05\nhotels  12:05\n");
        assert_eq!(render(COLUMNS, &rows(), 3), "QUEUE\n机票\nhotels\n");
    }
}

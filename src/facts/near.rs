// SPDX-License-Identifier: MIT OR Apache-2.0
//! "did you mean": the known word that is nearest to an unknown one.

/// The nearest of `known`, if one is near enough to be a slip of the hand;
/// of several, the first.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.len() / 3).clamp(1, 3);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        if candidate.len().abs_diff(word.len()) > limit {
            continue;
        }
        let far = distance(word.as_bytes(), candidate.as_bytes());
        if far <= limit && best.is_none_or(|(least, _)| far < least) {
            best = Some((far, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The advice that goes with an unknown word: the nearest one, or else.
pub fn advice<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, otherwise: &str) -> String {
    match nearest(word, known) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => otherwise.to_owned(),
    }
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from
/// one word to the other.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let width = b.len() + 1;
    let mut before = vec![0; width];
    let mut above: Vec<usize> = (0..width).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1; width];
        for (j, y) in b.iter().enumerate() {
            let swap = i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y;
            row[j + 1] = (above[j] + usize::from(x != y))
                .min(above[j + 1] + 1)
                .min(row[j] + 1);
            if swap {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance(b"", b"abc"), 3);
        assert_eq!(distance(b"openat", b"openat"), 0);
        assert_eq!(distance(b"opnat", b"openat"), 1);
        assert_eq!(distance(b"opneat", b"openat"), 1);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
    }

    #[test]
    fn only_slips_are_near() {
        let known = ["open", "openat", "openat2", "read"];
        assert_eq!(nearest("opneat", known), Some("openat"));
        assert_eq!(nearest("rad", known), Some("read"));
        assert_eq!(nearest("zzzz", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(advice("reed", known, "x"), "did you mean \"read\"?");
        assert_eq!(advice("connect", known, "leave it"), "leave it");
    }
}

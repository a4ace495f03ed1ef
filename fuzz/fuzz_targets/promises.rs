// SPDX-License-Identifier: MIT OR Apache-2.0
//! Strings of promises: read, written, read again; an error names a place in the string.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rpledge::promise::{Promise, Set, WORDS_MAX, WordError};

fuzz_target!(|text: &str| {
    match Set::parse(text) {
        Ok(set) => {
            let words: Vec<_> = set.iter().map(Promise::name).collect();
            assert_eq!(Set::parse(&words.join(" ")), Ok(set));
            assert!(
                text.split(' ')
                    .all(|word| word.is_empty() || words.contains(&word))
            );
            assert!(
                words
                    .iter()
                    .all(|known| text.split(' ').any(|word| word == *known))
            );
        }
        Err(WordError::Unknown { at, len }) => {
            let word = &text[at..at + len];
            assert!(!word.is_empty() && !word.contains(' '));
            assert_eq!(Promise::from_name(word), None);
            assert!(Set::parse(&text[..at]).is_ok());
        }
        Err(WordError::LeadingSpace) => assert!(text.starts_with(' ')),
        Err(WordError::TooLong) => assert!(text.len() > WORDS_MAX),
    }
});

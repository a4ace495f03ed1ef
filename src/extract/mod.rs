// SPDX-License-Identifier: MIT OR Apache-2.0
//! ELF files to snapshots.

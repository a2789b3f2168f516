//! Documents of every sort, made here, read as an office would want them read.

mod layouts;
mod made;
mod offices;
mod refusals;
mod rosters;
mod round_trip;
mod unseen;

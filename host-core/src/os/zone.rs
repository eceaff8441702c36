//! The time zone of this machine.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::date;

/// The time whose UTC reads as `time` does here. The zone is that of the first call.
pub(crate) fn local(time: SystemTime) -> SystemTime {
    static ZONE: LazyLock<TimeZone> = LazyLock::new(TimeZone::system);

    let Ok(timestamp) = Timestamp::try_from(time) else {
        return time;
    };
    let seconds = ZONE.to_offset(timestamp).seconds();
    let shift = Duration::from_secs(seconds.unsigned_abs().into());
    let shifted = match seconds < 0 {
        true => time.checked_sub(shift),
        false => time.checked_add(shift),
    };
    shifted
        .filter(|time| date::expressible(*time))
        .unwrap_or(time)
}

//! Durations in one byte: steps of a tenth, so that each is kept within 5 %.

use std::sync::LazyLock;

/// The duration of each step in microseconds: 0 to 10 one by one, then each a tenth more.
static STEPS: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let next = |step: &u32| (*step < u32::MAX).then(|| step.saturating_add((step / 10).max(1)));
    std::iter::successors(Some(0_u32), next).take(256).collect()
});

/// The step that is nearest to a duration.
pub(super) fn step(took_us: u32) -> u8 {
    let above = STEPS.partition_point(|step| *step <= took_us);
    let below = above.saturating_sub(1);
    let distance = |at: usize| {
        STEPS
            .get(at)
            .map_or(u32::MAX, |step| step.abs_diff(took_us))
    };
    let nearest = if distance(above) < distance(below) {
        above
    } else {
        below
    };
    u8::try_from(nearest).unwrap_or(u8::MAX)
}

/// The duration of a step in microseconds.
pub(super) fn took_us(step: u8) -> u32 {
    STEPS
        .get(usize::from(step))
        .or(STEPS.last())
        .copied()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_durations_are_exact() {
        (0..=11).for_each(|us| assert_eq!(took_us(step(us)), us));
    }

    #[test]
    fn every_step_is_its_own() {
        let last = step(u32::MAX);
        (0..=last).for_each(|n| assert_eq!(step(took_us(n)), n));
    }

    proptest! {
        #[test]
        fn every_duration_is_kept_within_five_percent(us: u32) {
            let kept = f64::from(took_us(step(us)));
            prop_assert!((kept - f64::from(us)).abs() <= f64::from(us) * 0.05, "{us} became {kept}");
        }
    }
}

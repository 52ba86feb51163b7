//! Tensors that share memory. Written twice they would no longer be one, so the
//! format's rule is that it holds none.

use alloc::vec;
use alloc::vec::Vec;

use super::fit::Fit;

/// For each tensor, the first of those it shares bytes with, if that is another.
///
/// Tensors are tied if their spans overlap, directly or through others. Views of
/// one storage that do not meet are not tied.
pub(super) fn ties(fits: &[&Fit<'_>]) -> Vec<Option<usize>> {
    let mut spans: Vec<_> = fits
        .iter()
        .enumerate()
        .filter(|(_, fit)| fit.length > 0)
        .map(|(index, fit)| (fit.storage, fit.span, index))
        .collect();
    spans.sort_unstable();

    let mut leaders = vec![None; fits.len()];
    let mut rest = spans.as_slice();
    while let [(storage, (_, end), _), ..] = rest {
        let mut end = *end;
        let overlapping = |(other, (start, stop), _): &(_, (u64, u64), usize)| {
            let overlaps = other == storage && *start < end;
            end = if overlaps { end.max(*stop) } else { end };
            !overlaps
        };
        // The first one overlaps itself, so each round takes at least one.
        let size = rest.iter().position(overlapping).unwrap_or(rest.len()).max(1);
        let (group, others) = rest.split_at_checked(size).unwrap_or((rest, &[]));
        lead(group.iter().map(|(_, _, index)| *index), &mut leaders);
        rest = others;
    }
    leaders
}

fn lead(group: impl Iterator<Item = usize> + Clone, leaders: &mut [Option<usize>]) {
    let Some(first) = group.clone().min() else { return };
    for index in group.filter(|index| *index != first) {
        if let Some(leader) = leaders.get_mut(index) {
            *leader = Some(first);
        }
    }
}

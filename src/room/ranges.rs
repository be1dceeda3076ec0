//! Sets of clocks: what has been deleted of a document.

use yrs::{ID, IdSet};

/// So many ranges are put into a set one by one.
const FEW_RANGES: usize = 16;

/// Whether `all` has every clock of `some`. `all` may be long, and is asked with every keystroke.
pub fn covers(all: &IdSet, some: &IdSet) -> bool {
    some.client_ids().all(|client| {
        let (Some(some), Some(all)) = (some.get(&client), all.get(&client)) else { return false };
        let all = all.as_slice();
        some.ranges().all(|range| {
            // Ranges that touch are one range, so what is covered is covered by one.
            let at = all.partition_point(|(one, _)| one.end < range.end);
            all.get(at).is_some_and(|(one, _)| one.start <= range.start)
        })
    })
}

/// Adds `some` to `all`. Merging writes all of `all` anew, which is too much for a keystroke.
pub fn add(all: &mut IdSet, some: &IdSet) {
    let ranges = |client| some.get(&client).into_iter().flat_map(|ranges| ranges.ranges());
    if some.client_ids().map(|client| ranges(client).count()).sum::<usize>() > FEW_RANGES {
        return all.merge_with(some.clone());
    }
    for client in some.client_ids() {
        ranges(client).for_each(|range| all.insert(ID::new(client, range.start), range.end - range.start));
    }
}

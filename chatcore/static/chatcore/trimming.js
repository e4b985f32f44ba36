/** Which rows a page lets go when it has too many: those farthest from the reader, unless he uses them. */

const MOST_ROWS = 1000;
const UTMOST_ROWS = 3000; // a message that was clicked on hours ago must not fill the memory

/** The numbers of messages whose rows may go, from one end of the stretch on; none while there are not too many. */
export function rowsToLetGo(log, rows, scroll) {
  const excess = rows.count - MOST_ROWS;
  if (excess <= 0) return [];
  scroll.restore();
  const fromTop = scroll.above > scroll.below;
  const sparing = rows.count <= UTMOST_ROWS;
  const going = [];
  while (going.length < excess) {
    const seq = fromTop ? log.first + going.length : log.last - going.length;
    const row = rows.row(seq);
    if (!row || !scroll.isAway(row) || (sparing && isInUse(row))) break;
    going.push(seq);
  }
  return going;
}

/** Whether the focus or the selection is in the row. */
function isInUse(row) {
  const selection = getSelection();
  return row.contains(document.activeElement) || (!selection.isCollapsed && selection.containsNode(row, true));
}

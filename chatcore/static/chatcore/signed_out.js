/** The page after signing out: tells the rooms that stand open in other tabs. */

const openRooms = new BroadcastChannel("roomline");
openRooms.postMessage({ type: "signed_out" });

/** Plain text with the addresses in it made links, and the names of accounts marked. */

const ADDRESS = /(?<![\p{L}\p{N}])https?:\/\/[^\s<>"`{}|\\^\p{Cc}\p{Cf}]+/giu;
const MENTION = /(?<![\p{L}\p{N}\p{M}_.+-])@[\p{L}\p{N}\p{M}_.@+-]{1,150}/gu;
const AFTER_ADDRESS = /[.,:;!?'"…*_~]/;
const OPENING = { ")": "(", "]": "[" };

/**
 * @param {string} text
 * @param {string[]} mentions the accounts that are meant
 * @param {object | null} you who reads
 * @returns {DocumentFragment}
 */
export function inline(text, mentions, you) {
  const result = document.createDocumentFragment();
  let end = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const address = withoutPunctuation(found);
    const url = webAddress(address);
    if (!url) continue;
    result.append(withMentions(text.slice(end, index), mentions, you), addressLink(url, address));
    end = index + address.length;
  }
  result.append(withMentions(text.slice(end), mentions, you));
  return result;
}

/** The URL if it is one that may be followed from a chat, else null: never a script's. */
export function webAddress(address) {
  const url = URL.canParse(address) ? new URL(address) : null;
  return url && ["http:", "https:"].includes(url.protocol) ? url : null;
}

/**
 * A link out of the chat. Where it leads can be read: what is not plainly the beginning of the label (a label of its
 * own, a name before an @, letters of another alphabet) stands behind it.
 * @param {URL} url
 * @param {string} label
 */
export function addressLink(url, label) {
  const link = document.createElement("a");
  link.href = url.href;
  link.rel = "noopener noreferrer nofollow ugc";
  link.target = "_blank";
  link.textContent = label;
  const shown = label.toLowerCase();
  if (shown.startsWith(url.origin) && !url.username && !url.password) link.dir = "ltr";
  else link.dataset.host = url.host;
  return link;
}

/** The address without what ends the sentence around it, and without a bracket that was opened before it. */
function withoutPunctuation(found) {
  const count = {};
  for (const letter of found) count[letter] = (count[letter] ?? 0) + 1;
  let end = found.length;
  for (; end > 0; end -= 1) {
    const last = found[end - 1];
    const opening = OPENING[last];
    if (!AFTER_ADDRESS.test(last) && !(opening && count[last] > (count[opening] ?? 0))) break;
    count[last] -= 1;
  }
  return found.slice(0, end);
}

function withMentions(text, mentions, you) {
  const result = document.createDocumentFragment();
  if (!mentions?.length) {
    result.append(text);
    return result;
  }
  const meant = new Set(mentions.map((name) => name.toLowerCase()));
  let end = 0;
  for (const { 0: found, index } of text.matchAll(MENTION)) {
    const name = [found.slice(1), found.slice(1).replace(/[.@+_-]+$/, "")].find((each) => meant.has(each.toLowerCase()));
    if (!name) continue;
    result.append(text.slice(end, index), mentionMark(`@${name}`, isMention(name, you)));
    end = index + 1 + name.length;
  }
  result.append(text.slice(end));
  return result;
}

function isMention(name, you) {
  return you?.type === "user" && you.name.toLowerCase() === name.toLowerCase();
}

/** Whether the message speaks of who reads. */
export function speaksOf(message, you) {
  return !message.deleted && (message.mentions ?? []).some((name) => isMention(name, you));
}

function mentionMark(text, mine) {
  const mark = document.createElement(mine ? "mark" : "span");
  mark.className = "mention";
  mark.dir = "auto";
  mark.textContent = text;
  return mark;
}

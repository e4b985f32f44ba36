/** A message's own address to the clipboard, also where the page is no secure context: a chat on a LAN address. */

import { texts } from "./texts.js";

const SAID_FOR = 4000; // milliseconds

let sayingCopied = null;

/** Copy the address of message `seq` and say so; where the browser refuses, show it. */
export async function copyLink(seq) {
  const link = new URL(`#${seq}`, location.href).href;
  const done = document.getElementById("done");
  done.textContent = (await copied(link)) ? texts.link_copied : link;
  clearTimeout(sayingCopied);
  sayingCopied = setTimeout(() => (done.textContent = ""), SAID_FOR);
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(text);
  }
}

function copiedBySelection(text) {
  const field = document.createElement("textarea");
  const focused = document.activeElement;
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return done;
}

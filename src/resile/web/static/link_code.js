// The secret of a one-time link comes in the fragment, which is never sent; from there into the form, and out of sight.
"use strict";

const field = document.querySelector("input[name=code]");
if (field && location.hash.length > 1) {
  field.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  const first = [...field.form.elements].find((one) => one !== field && one.type !== "hidden" && !one.value);
  if (first) first.focus();
}

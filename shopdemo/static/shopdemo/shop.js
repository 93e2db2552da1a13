// The little that htmx does not do: closing the search suggestions.
// Without this file, and without any script, every page of the shop works.
"use strict";

const suggestions = document.getElementById("suggestions");
const form = suggestions && suggestions.closest("form");

function closeSuggestions() {
  suggestions.replaceChildren();
}

if (form) {
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && suggestions.childElementCount) {
      // The browser would also empty the field.
      event.preventDefault();
      closeSuggestions();
      form.querySelector("input").focus();
    }
  });
  // Focus or click outside of the form: the shopper has moved on.
  form.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !form.contains(event.relatedTarget)) closeSuggestions();
  });
  document.addEventListener("click", (event) => {
    if (!form.contains(event.target)) closeSuggestions();
  });
}

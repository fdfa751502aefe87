// A link /sign-in#key=… signs in by itself. What follows # is never sent to a server, nor kept in the history.

const key = new URLSearchParams(location.hash.slice(1)).get("key");
if (key) {
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("key").value = key;
  document.getElementById("key").form.submit();
}

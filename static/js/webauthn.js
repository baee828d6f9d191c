// What a server asks of a passkey, opened for the browser, and what the browser answers, written for the server.
const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
const toText = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

export function opened(wanted) {
  const known = (list) => (list ?? []).map((one) => ({ ...one, id: toBytes(one.id) }));
  const options = { ...wanted, challenge: toBytes(wanted.challenge) };
  if (wanted.user) options.user = { ...wanted.user, id: toBytes(wanted.user.id) };
  if (wanted.excludeCredentials) options.excludeCredentials = known(wanted.excludeCredentials);
  if (wanted.allowCredentials) options.allowCredentials = known(wanted.allowCredentials);
  return options;
}

export function written(credential) {
  const said = credential.response;
  const response = { clientDataJSON: toText(said.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (said[name]) response[name] = toText(said[name]);
  }
  return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response });
}

export const post = (address, body) => fetch(address, { method: "POST", body, credentials: "same-origin" });

// Calls of the page's own service. Errors keep the service's own words.

const TOKEN_KEY = "semcom-access-token";
let askingForToken = null;

/** A refusal: `field` names the refused value where there is one. */
export class ServiceError extends Error {
  constructor(detail, status) {
    super(detail.message);
    this.type = detail.type;
    this.field = detail.field;
    this.status = status;
  }
}

/** Paths are relative to the page, which a proxy may serve below any path. */
function urlOf(path, query) {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)]));
  return pairs.length ? `${path}?${search}` : path;
}

/** The service's own words, and when to try again where it says so. */
async function refusalOf(response) {
  const body = await response.json().catch(() => null);
  const detail = body?.error ?? { type: "SemcomError", message: `${response.url} answered HTTP ${response.status}` };
  const wait = response.headers.get("Retry-After");
  const message = wait ? `${detail.message}. Try again in ${wait} s.` : detail.message;
  return new ServiceError({ ...detail, message }, response.status);
}

/** Ask for the access token once, however many calls wait for it. */
function askForToken() {
  askingForToken ??= new Promise((resolve) => {
    const dialog = document.getElementById("token-dialog");
    const field = document.getElementById("token");
    field.value = "";
    dialog.addEventListener("close", () => {
      if (field.value) sessionStorage.setItem(TOKEN_KEY, field.value);
      askingForToken = null;
      resolve(Boolean(field.value));
    }, { once: true });
    dialog.showModal();
  });
  return askingForToken;
}

/**
 * One request; the response where it succeeded.
 * Throws a ServiceError for a refusal, or where no service can be reached; an AbortError where `signal` says so.
 */
export async function request(path, { method = "GET", query = {}, body, headers = {}, signal } = {}) {
  const token = sessionStorage.getItem(TOKEN_KEY);
  const sent = token ? { ...headers, Authorization: `Bearer ${token}` } : headers;
  let response;
  try {
    response = await fetch(urlOf(path, query), { method, body, headers: sent, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError({ type: "ServiceUnavailable", message: "transmitter cannot be reached; is it running?" }, 0);
  }
  if (response.status === 401 && (await askForToken())) {
    return request(path, { method, query, body, headers, signal });
  }
  if (!response.ok) throw await refusalOf(response);
  return response;
}

/** Whole numbers that a browser's own numbers cannot hold, such as seeds above 2^53, stay text. */
const exactly = (key, value, context) =>
  (Number.isInteger(value) && !Number.isSafeInteger(value) && /^\d+$/.test(context?.source) ? context.source : value);

/** The JSON body of a request's response. */
export const getJson = async (path, options) => JSON.parse(await (await request(path, options)).text(), exactly);

/** Send JSON. */
export const sendJson = (path, method, value) =>
  getJson(path, { method, body: JSON.stringify(value), headers: { "Content-Type": "application/json" } });

/**
 * Send one input.
 * @param query  Parameters of POST /transmit.
 * @param source {text, image, audio, video}: a string, or files.
 */
function transmit(query, source, signal) {
  const names = Object.keys(source);
  if (names.length === 1 && names[0] === "text") {
    const headers = { "Content-Type": "application/json" };
    return getJson("transmit", { method: "POST", query, body: JSON.stringify(source), headers, signal });
  }
  const body = new FormData();
  names.forEach((name) => body.append(name, source[name]));
  return getJson("transmit", { method: "POST", query, body, signal });
}

/**
 * Send one input by several systems, which all meet the same draw of the channel.
 * Answers {system, result, error} for each; throws where all of them failed.
 */
export async function transmitEach(query, systems, source, signal) {
  const answer = await transmit({ ...query, system: systems.join(",") }, source, signal);
  return Array.isArray(answer) ? answer : [{ system: systems[0], result: answer, error: null }];
}

/** Server-sent events of a path, as parsed JSON. EventSource could not send the access token. */
export async function* events(path, options) {
  const response = await request(path, { ...options, headers: { Accept: "text/event-stream" } });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const data = part.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
      if (data) yield JSON.parse(data);
    }
  }
}

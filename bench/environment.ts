import { settings as known } from "../src/settings.ts";
import type { Flag } from "./flags.ts";

/** Settings of Weir by name. */
export type Settings = Readonly<Record<string, string>>;

/** What programs need to be found and to find their caches; nothing that Weir, its drivers or Spark are set by. */
const inherited = [
  ...["PATH", "HOME", "USER", "TMPDIR", "XDG_CACHE_HOME", "LANG", "JAVA_HOME"],
  // For packages that are not in the cache yet.
  ...["DENO_DIR", "DENO_CERT", "DENO_TLS_CA_STORE", "SSL_CERT_FILE", "NPM_CONFIG_REGISTRY"],
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"],
];

/** What a benchmark sets by itself, or by flags of its own. */
const ownNames = [
  ...["KAFKA_BROKERS", "KAFKA_CLIENT", "CASSANDRA_CONTACT_POINTS", "DATABASE_URL"],
  ...["WEIR_DATA_DIR", "STATUS_HOST", "STATUS_PORT"],
];

/**
 * The environment of a process that is measured, for `Deno.Command`: what it is set to here, and nothing of what the
 * caller's shell happens to have set.
 */
export function cleanEnvironment(
  own: Settings = {},
  caller: Readonly<Record<string, string>> = Deno.env.toObject(),
): { readonly clearEnv: true; readonly env: Record<string, string> } {
  const kept = inherited.flatMap((name) => caller[name] === undefined ? [] : [[name, caller[name]]]);
  return { clearEnv: true, env: { ...Object.fromEntries(kept), ...own } };
}

/** `--set NAME=VALUE`, as often as there are settings that are to differ from Weir's defaults. */
export const settingsFlag: Flag<Settings> = {
  about: "NAME=VALUE, a setting of Weir that is to differ from its default; can be given several times",
  default: {},
  parse(text, before) {
    const at = text.indexOf("=");
    const [name, value] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
    const setting = known.find((each) => each.name === name);
    if (at < 0 || !setting) throw new Error("must be NAME=VALUE, with the name of one of Weir's settings");
    if (ownNames.includes(name)) throw new Error(`a benchmark sets ${name} by itself or by another flag`);
    if (setting.secret) throw new Error(`${name} is a secret, and would be printed`);
    try {
      setting.parse(value);
    } catch (error) {
      throw new Error(`${name} is wrong, ${(error as Error).message}`);
    }
    return { ...before, [name]: value };
  },
};

/** Settings as text: `NAME=VALUE NAME=VALUE`. */
export function settingsText(settings: Settings): string {
  return Object.entries(settings).map(([name, value]) => `${name}=${value}`).join(" ");
}

// A real OpenID Connect provider for a test: oidc-provider as it is, with one client and two people. Prints its address once it listens.
// Usage: node oidc_provider.mjs REDIRECT SECRET
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(new URL("../.oidc-provider/package.json", import.meta.url));
const { Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));
const { generateKeyPair, exportJWK } = await import(pathToFileURL(require.resolve("jose")));

const [redirect, secret] = process.argv.slice(2);
const { privateKey } = await generateKeyPair("ES256", { extractable: true });
const key = { ...(await exportJWK(privateKey)), kid: "test", use: "sig", alg: "ES256" };
const groups = { ann: ["Platform", "staff"], bob: ["staff"] };

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    jwks: { keys: [key] },
    clients: [
      {
        client_id: "aver",
        client_secret: secret,
        redirect_uris: [redirect],
        response_types: ["code"],
        grant_types: ["authorization_code"],
        id_token_signed_response_alg: "ES256",
      },
    ],
    claims: { openid: ["sub"], profile: ["preferred_username", "name"], groups: ["groups"] },
    scopes: ["openid", "profile", "groups"],
    cookies: { keys: [secret] },
    pkce: { required: () => true },
    findAccount: (_, id) =>
      id in groups && {
        accountId: id,
        claims: () => ({ sub: id, preferred_username: id, name: id, groups: groups[id] }),
      },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});

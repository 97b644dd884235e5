/** A key and a self-signed certificate for 127.0.0.1, good until 2120. They are of no use anywhere else: everybody has the key. */

const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgl0lvqVofHlEI9Pxn
eDozQ0JPl/+2i6yuTXJWQn4KKBihRANCAATdW9DOXqYSOgbA7JlfLoZB4Qo//7OL
dSrIiEb0Rq+ScKgP+VpHifcXjAElJC2FiYlDrySFBsAWOSb77zaWjgKX
-----END PRIVATE KEY-----
`;

const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBeDCCAR+gAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABN1b0M5ephI6BsDs
mV8uhkHhCj//s4t1KsiIRvRGr5JwqA/5WkeJ9xeMASUkLYWJiUOvJIUGwBY5Jvvv
NpaOApejYDBeMA8GA1UdEwEB/wQFMAMBAf8wLAYDVR0RBCUwI4IJbG9jYWxob3N0
hwR/AAABhxAAAAAAAAAAAAAAAAAAAAABMB0GA1UdDgQWBBSkVE1TKkpHS9MYx5T1
oenkrY6OSzAKBggqhkjOPQQDAgNHADBEAiAYIK0Am1BZ+upQyhjp8dcFuJtQy8cA
YjzaddcQQVhbLAIgUv6qeeS9IK3jXDw6oY+seE/Yb+YHfwTkRvcHmGLaZBc=
-----END CERTIFICATE-----
`;

/** What a socket needs for wss, whether it binds or connects. */
export function tlsOptions(): object {
  return { wssKeyPem: KEY, wssCertPem: CERTIFICATE, wssTrustPem: CERTIFICATE, wssTrustSystem: false };
}

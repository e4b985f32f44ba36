// uWebSockets.js: publish and subscribe in C++, one topic a path. Stores nothing.
// The npm package carries its binaries as built for Node 16 to 25; its own author does not publish there.
// usage: node uws.js PORT

const { App, DISABLED } = require("uwebsockets");

const app = App();
app.ws("/*", {
  compression: DISABLED,
  maxBackpressure: 1024 * 1024, // what a socket of ours may have waiting, too
  upgrade: (response, request, context) => {
    const header = (name) => request.getHeader(`sec-websocket-${name}`);
    response.upgrade({ room: request.getUrl() }, header("key"), header("protocol"), header("extensions"), context);
  },
  open: (socket) => socket.subscribe(socket.getUserData().room),
  message: (socket, text, isBinary) => app.publish(socket.getUserData().room, text, isBinary),
});
app.listen("127.0.0.1", Number(process.argv[2]), (listening) => listening || process.exit(1));

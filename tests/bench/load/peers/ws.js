// node `ws`: the broadcast of its readme, to everybody who asked for the same path. Stores nothing.
// usage: node ws.js PORT

const { WebSocket, WebSocketServer } = require("ws");

const rooms = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]) });

server.on("connection", (socket, request) => {
  const room = rooms.get(request.url) ?? new Set();
  rooms.set(request.url, room.add(socket));
  socket.on("error", console.error);
  socket.on("close", () => room.delete(socket));
  socket.on("message", (data, isBinary) => {
    for (const client of room) {
      if (client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
    }
  });
});

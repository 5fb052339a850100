// The mesh on the page: WebGL 2 alone, nothing fetched. `packed_mesh.py` says how its bytes are laid.
"use strict";

(() => {
  const figure = document.getElementById("viewer");
  if (!figure || !window.DecompressionStream) return;  // the still picture stays
  const canvas = figure.querySelector("canvas");
  const gl = canvas.getContext("webgl2", { antialias: true, alpha: true });
  if (!gl) return;
  const told = JSON.parse(document.getElementById("mesh-header").textContent);
  const CREASE = Math.cos((40 * Math.PI) / 180);  // faces that meet more sharply are not smoothed
  const GLASS = 0.22;  // of the light is held back by what is seen through
  const MODES = ["colors", "clay", "normals", "distance"];

  // ---- bytes to numbers ----

  async function inflated(text) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  function unpacked(bytes) {
    let at = 0;
    const planes = (count, length) => {
      const values = new Uint32Array(length);
      for (let k = 0; k < count; k++)
        for (let i = 0; i < length; i++) values[i] |= bytes[at++] << (8 * k);
      return values;
    };
    const corners = planes(3, 3 * told.faces);
    for (let i = 0, unused = 0; i < corners.length; i++) {
      const behind = corners[i];
      corners[i] = unused - behind;
      if (behind === 0) unused++;
    }
    const places = new Uint16Array(3 * told.vertices);
    for (let k = 0; k < 3; k++) {
      const steps = planes(3, told.vertices);
      for (let i = 0, place = 0; i < steps.length; i++) {
        place += (steps[i] >>> 1) ^ -(steps[i] & 1);
        places[3 * i + k] = place;
      }
    }
    const paint = new Uint8Array(4 * told.vertices);  // red, green, blue, distance
    for (let k = told.colors ? 0 : 3; k < (told.distance ? 4 : 3); k++) {
      const steps = planes(1, told.vertices);
      for (let i = 0, value = 0; i < steps.length; i++) {
        value = k < 3 ? (value + steps[i]) & 255 : steps[i];
        paint[4 * i + k] = value;
      }
    }
    return { corners, places, paint };
  }

  // A normal at each corner: the sum over the faces around its vertex, by area, without those beyond a crease.
  function cornerNormals(corners, places) {
    const faces = corners.length / 3, sums = new Float32Array(3 * faces), units = new Float32Array(3 * faces);
    for (let f = 0; f < faces; f++) {
      const [a, b, c] = [3 * corners[3 * f], 3 * corners[3 * f + 1], 3 * corners[3 * f + 2]];
      const ux = places[b] - places[a], uy = places[b + 1] - places[a + 1], uz = places[b + 2] - places[a + 2];
      const vx = places[c] - places[a], vy = places[c + 1] - places[a + 1], vz = places[c + 2] - places[a + 2];
      const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
      const length = Math.hypot(x, y, z) || 1;
      sums.set([x, y, z], 3 * f);
      units.set([x / length, y / length, z / length], 3 * f);
    }
    const starts = new Uint32Array(places.length / 3 + 1);
    for (const v of corners) starts[v + 1]++;
    for (let v = 1; v < starts.length; v++) starts[v] += starts[v - 1];
    const next = starts.slice(), around = new Uint32Array(corners.length);
    for (let i = 0; i < corners.length; i++) around[next[corners[i]]++] = (i / 3) | 0;
    const normals = new Int8Array(4 * corners.length);
    for (let i = 0; i < corners.length; i++) {
      const f = 3 * ((i / 3) | 0);
      let x = 0, y = 0, z = 0;
      for (let k = starts[corners[i]]; k < starts[corners[i] + 1]; k++) {
        const g = 3 * around[k];
        if (units[f] * units[g] + units[f + 1] * units[g + 1] + units[f + 2] * units[g + 2] < CREASE) continue;
        x += sums[g]; y += sums[g + 1]; z += sums[g + 2];
      }
      const length = Math.hypot(x, y, z) || 1;
      normals[4 * i] = Math.round((127 * x) / length);
      normals[4 * i + 1] = Math.round((127 * y) / length);
      normals[4 * i + 2] = Math.round((127 * z) / length);
    }
    return normals;
  }

  // ---- drawing ----

  const VERTEX = `#version 300 es
    in vec3 place; in vec3 normal; in vec4 paint;
    uniform mat4 clip_from_grid;
    out vec3 n; out vec4 p;
    void main() { n = normal; p = paint; gl_Position = clip_from_grid * vec4(place, 1.0); }`;
  const FRAGMENT = `#version 300 es
    precision highp float;
    in vec3 n; in vec4 p;
    uniform int mode; uniform vec3 up, lamp, fill; uniform float opacity;
    out vec4 seen;
    vec3 far_off(float t) {  // as the legend's gradient in style.css
      vec3 a = vec3(0.86, 0.87, 0.85), b = vec3(0.98, 0.78, 0.35), c = vec3(0.87, 0.33, 0.23), d = vec3(0.36, 0.09, 0.33);
      return t < 0.33 ? mix(a, b, t / 0.33) : t < 0.66 ? mix(b, c, (t - 0.33) / 0.33) : mix(c, d, (t - 0.66) / 0.34);
    }
    void main() {
      vec3 m = normalize(n) * (gl_FrontFacing ? 1.0 : -1.0);
      float key = max(dot(m, lamp), 0.0), sky = 0.5 + 0.5 * dot(m, up), side = max(dot(m, fill), 0.0);
      vec3 light = 0.45 * mix(vec3(0.86, 0.83, 0.80), vec3(1.0, 1.02, 1.05), sky)
                 + 0.50 * key * vec3(1.0, 0.98, 0.95) + 0.18 * side * vec3(0.92, 0.96, 1.0);
      vec3 color = vec3(0.88, 0.85, 0.81) * light;
      if (mode == 0) color = p.rgb * (0.66 + 0.36 * light);  // pictures carry their light with them
      if (mode == 2) color = 0.5 + 0.5 * normalize(n);
      if (mode == 3) color = far_off(p.a) * (0.38 + 0.60 * light);
      seen = vec4(color * opacity, opacity);
    }`;

  function program() {
    const made = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(made, shader);
    }
    ["place", "normal", "paint"].forEach((name, at) => gl.bindAttribLocation(made, at, name));
    gl.linkProgram(made);
    if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
    return made;
  }

  let uniforms;

  function upload({ corners, places, paint }) {
    const normals = cornerNormals(corners, places);
    const each = new Uint16Array(4 * corners.length), colors = new Uint32Array(corners.length);
    const words = new Uint32Array(paint.buffer);
    for (let i = 0; i < corners.length; i++) {
      const v = corners[i];
      each[4 * i] = places[3 * v]; each[4 * i + 1] = places[3 * v + 1]; each[4 * i + 2] = places[3 * v + 2];
      colors[i] = words[v];
    }
    const made = program();
    gl.useProgram(made);
    const names = ["clip_from_grid", "mode", "up", "lamp", "fill", "opacity"];
    uniforms = Object.fromEntries(names.map((name) => [name, gl.getUniformLocation(made, name)]));
    const layout = [[each, 3, gl.UNSIGNED_SHORT, false, 8], [normals, 3, gl.BYTE, true, 4],
                    [new Uint8Array(colors.buffer), 4, gl.UNSIGNED_BYTE, true, 4]];
    layout.forEach(([data, size, type, normalised, stride], at) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
      gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, size, type, normalised, stride, 0);
    });
    gl.enable(gl.DEPTH_TEST);
  }

  // ---- the eye ----

  const add = (a, b, t = 1) => [a[0] + t * b[0], a[1] + t * b[1], a[2] + t * b[2]];
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const unit = (a) => { const l = Math.hypot(...a) || 1; return [a[0] / l, a[1] / l, a[2] / l]; };

  const up = unit(told.up), aside = unit(cross(up, Math.abs(up[1]) < 0.9 ? [0, 1, 0] : [1, 0, 0]));
  const ahead = cross(up, aside);
  let eye;  // turn, lift: of the way from the target to the eye; distance; target

  function home() {
    const away = add(told.eye, told.target, -1), distance = Math.hypot(...away), way = unit(away);
    eye = { turn: Math.atan2(dot(way, ahead), dot(way, aside)), lift: Math.asin(dot(way, up)),
            distance, target: [...told.target], size: distance };
  }

  function axes() {
    const flat = add(add([0, 0, 0], aside, Math.cos(eye.turn)), ahead, Math.sin(eye.turn));
    const back = add(add([0, 0, 0], flat, Math.cos(eye.lift)), up, Math.sin(eye.lift));
    const right = unit(cross(up, back));
    return { back, right, top: cross(back, right) };
  }

  function matrix(aspect) {
    const { back, right, top } = axes();
    // A narrow window shows all of the still picture that has something in it.
    const distance = eye.distance * Math.max(1, told.aspect / aspect);
    const from = add(eye.target, back, distance), s = told.unit, o = add(told.low, from, -1);
    const f = 1 / Math.tan((told.fov * Math.PI) / 360), near = distance / 100, far = distance + 4 * told.reach;
    const rows = [right, top, back];
    const cam = rows.map((r) => [s * r[0], s * r[1], s * r[2], dot(r, o)]);
    const x = cam[0].map((v) => (v * f) / aspect), y = cam[1].map((v) => v * f);
    const z = cam[2].map((v) => (v * (near + far)) / (near - far)), w = cam[2].map((v) => -v);
    z[3] += (2 * near * far) / (near - far);
    return [0, 1, 2, 3].flatMap((k) => [x[k], y[k], z[k], w[k]]);
  }

  let waiting = false;
  const shown = () => MODES.indexOf(figure.querySelector("input[name=shown]:checked").value);
  const opened = () => figure.querySelector("input[name=opened]").checked;

  function draw() {
    waiting = false;
    const density = Math.min(window.devicePixelRatio || 1, 2);
    const w = Math.max(1, Math.round(canvas.clientWidth * density)), h = Math.max(1, Math.round(canvas.clientHeight * density));
    if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
    gl.viewport(0, 0, w, h);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    opened() ? gl.enable(gl.CULL_FACE) : gl.disable(gl.CULL_FACE);
    const { back, right, top } = axes(), mode = shown();
    gl.uniformMatrix4fv(uniforms.clip_from_grid, false, matrix(w / h));
    gl.uniform1i(uniforms.mode, mode);
    gl.uniform3fv(uniforms.up, up);
    gl.uniform3fv(uniforms.lamp, unit(add(add(back, right, -0.45), top, 0.6)));
    gl.uniform3fv(uniforms.fill, unit(add(add(back, right, 0.9), top, -0.1)));
    const whole = 3 * (told.faces - told.glass);
    gl.uniform1f(uniforms.opacity, 1);
    gl.drawArrays(gl.TRIANGLES, 0, whole);
    if (told.glass) {  // what nothing hides behind, over it
      gl.uniform1f(uniforms.opacity, GLASS);
      gl.enable(gl.BLEND);
      gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      gl.depthMask(false);
      gl.drawArrays(gl.TRIANGLES, whole, 3 * told.glass);
      gl.depthMask(true);
      gl.disable(gl.BLEND);
    }
    figure.dataset.mode = MODES[mode];
  }

  function redraw() {
    if (!waiting) { waiting = true; requestAnimationFrame(draw); }
  }

  // ---- hands ----

  const turn = (dx, dy) => {
    eye.turn -= dx;
    eye.lift = Math.max(-1.55, Math.min(1.55, eye.lift + dy));
  };
  const zoom = (factor) => {
    eye.distance = Math.max(0.02 * eye.size, Math.min(6 * eye.size, eye.distance * factor));
  };
  const move = (dx, dy) => {  // in shares of the window's height
    const { right, top } = axes(), reach = 2 * eye.distance * Math.tan((told.fov * Math.PI) / 360);
    eye.target = add(add(eye.target, right, -dx * reach), top, dy * reach);
  };

  const fingers = new Map();
  const middle = () => {
    const all = [...fingers.values()], n = all.length;
    const x = all.reduce((sum, p) => sum + p.x, 0) / n, y = all.reduce((sum, p) => sum + p.y, 0) / n;
    return { x, y, apart: n > 1 ? Math.hypot(all[0].x - all[1].x, all[0].y - all[1].y) : 0 };
  };

  function listen() {
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY, moves: event.button !== 0 || event.shiftKey });
    });
    canvas.addEventListener("pointermove", (event) => {
      const finger = fingers.get(event.pointerId);
      if (!finger) return;
      const before = middle();
      finger.x = event.clientX;
      finger.y = event.clientY;
      const after = middle(), height = canvas.clientHeight, dx = after.x - before.x, dy = after.y - before.y;
      if (fingers.size > 1) {
        move(dx / height, dy / height);
        if (after.apart > 0) zoom(before.apart / after.apart);
      } else if (finger.moves) move(dx / height, dy / height);
      else turn((3 * dx) / height, (3 * dy) / height);
      redraw();
    });
    for (const name of ["pointerup", "pointercancel"])
      canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => {
      if (document.activeElement !== canvas && !event.ctrlKey) return;  // else the page could not be scrolled past it
      event.preventDefault();
      zoom(Math.exp(event.deltaY * (event.ctrlKey ? 0.01 : event.deltaMode ? 0.05 : 0.0015)));
      redraw();
    }, { passive: false });
    canvas.addEventListener("dblclick", () => { home(); redraw(); });
    canvas.addEventListener("keydown", (event) => {
      const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const arrow = arrows[event.key];
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (arrow) event.shiftKey ? move(-0.05 * arrow[0], -0.05 * arrow[1]) : turn(0.12 * arrow[0], 0.12 * arrow[1]);
      else if (event.key === "+" || event.key === "=") zoom(0.85);
      else if (event.key === "-") zoom(1 / 0.85);
      else if (event.key === "0") home();
      else return;
      event.preventDefault();
      redraw();
    });
    figure.addEventListener("change", redraw);
    figure.querySelector("button[name=home]").addEventListener("click", () => { home(); redraw(); });
    const full = figure.querySelector("button[name=full]");
    full.hidden = !figure.requestFullscreen;
    full.addEventListener("click", () =>
      document.fullscreenElement ? document.exitFullscreen() : figure.requestFullscreen());
    new ResizeObserver(redraw).observe(canvas);
  }

  async function start() {
    const content = document.getElementById("mesh-bytes");
    const bytes = await inflated(content.textContent.trim());
    content.remove();  // megabytes of text that nobody needs any more
    const mesh = unpacked(bytes);
    upload(mesh);
    home();
    listen();
    draw();
    figure.dataset.ready = "true";
    canvas.addEventListener("webglcontextlost", (event) => { event.preventDefault(); delete figure.dataset.ready; });
    canvas.addEventListener("webglcontextrestored", () => { upload(mesh); draw(); figure.dataset.ready = "true"; });
  }

  start().catch((trouble) => console.warn("the mesh cannot be drawn here:", trouble));
})();

# SPDX-License-Identifier: Apache-2.0
"""Home and device commands: action JSON, or a tool call when tools are given.

  turn on the kitchen light      {"action":"on","device":"light","room":"kitchen"}
  set the heating to 21          {"action":"set","device":"heating","value":21}
  timer for 5 minutes            {"action":"timer","minutes":5}
"""
import json

DEVICES = {"light": ["light", "lights", "lamp"], "heating": ["heating", "heater", "radiator"], "thermostat": ["thermostat"], "fan": ["fan", "ceiling fan"], "tv": ["tv", "television", "telly"], "radio": ["radio"], "speaker": ["speaker", "speakers"],
           "blinds": ["blinds", "shades", "curtains"], "door": ["door"], "window": ["window"], "ac": ["ac", "air conditioner", "air conditioning"], "oven": ["oven"], "coffee machine": ["coffee machine", "coffee maker"], "vacuum": ["vacuum", "robot vacuum"], "alarm system": ["alarm system", "security system"], "garage": ["garage door", "garage"], "humidifier": ["humidifier"], "dishwasher": ["dishwasher"], "socket": ["socket", "plug"]}
ROOMS = ["kitchen", "bedroom", "bathroom", "living room", "office", "hall", "garage", "garden", "basement", "attic", "dining room", "kids room", "guest room", "balcony", "study", "nursery"]
ON = ["turn on the {d}", "switch on the {d}", "switch the {d} on", "turn the {d} on", "put the {d} on", "{d} on", "power on the {d}", "start the {d}", "can you turn on the {d}?", "could you switch on the {d}?", "I want the {d} on", "activate the {d}", "enable the {d}", "get the {d} going", "I need the {d} on", "fire up the {d}", "turn on {d}", "please turn the {d} on", "let there be {d}", "would you turn on the {d}",
      "{d} please on", "make the {d} go on", "switch {d} on", "set the {d} on", "I'd like the {d} on", "have the {d} on", "will you turn on the {d}?", "the {d} should be on", "run the {d}", "launch the {d}", "turn my {d} on", "switch on my {d}", "bring up the {d}", "is it possible to turn on the {d}?", "flip the {d} on"]
OFF = ["turn off the {d}", "switch off the {d}", "switch the {d} off", "turn the {d} off", "{d} off", "power off the {d}", "stop the {d}", "can you turn off the {d}?", "could you switch off the {d}?", "I want the {d} off", "deactivate the {d}", "disable the {d}", "shut down the {d}", "kill the {d}", "shut off the {d}", "turn off {d}", "please turn the {d} off", "no more {d}", "I don't need the {d} any more", "would you turn off the {d}",
       "{d} please off", "make the {d} go off", "switch {d} off", "set the {d} off", "I'd like the {d} off", "have the {d} off", "will you turn off the {d}?", "the {d} should be off", "halt the {d}", "cut the {d}", "turn my {d} off", "switch off my {d}", "turn out the {d}", "is it possible to turn off the {d}?", "flip the {d} off", "end the {d}"]
OPEN = ["open the {d}", "{d} open", "can you open the {d}?", "open up the {d}", "please open the {d}", "I want the {d} open", "get the {d} open", "could you open the {d}", "raise the {d}", "open {d}"]
CLOSE = ["close the {d}", "shut the {d}", "{d} closed", "can you close the {d}?", "please shut the {d}", "I want the {d} closed", "could you close the {d}", "lower the {d}", "close {d}", "make sure the {d} is shut"]
LOCK = ["lock the {d}", "can you lock the {d}?", "please lock the {d}", "lock up the {d}", "{d} locked", "make sure the {d} is locked", "lock {d}"]
UNLOCK = ["unlock the {d}", "can you unlock the {d}?", "please unlock the {d}", "{d} unlocked", "unlock {d}", "undo the lock of the {d}"]
SET = ["set the {d} to {v}", "set {d} to {v}", "put the {d} at {v}", "{d} to {v}", "change the {d} to {v}", "turn the {d} to {v}", "make the {d} {v}", "adjust the {d} to {v}", "can you set the {d} to {v}?", "I want the {d} at {v}", "bring the {d} to {v}", "{d} {v}", "move the {d} to {v}", "could you put the {d} on {v}", "dial the {d} to {v}",
       "set my {d} to {v}", "{d} at {v}", "put {d} to {v}", "have the {d} at {v}", "please set the {d} to {v}", "the {d} should be {v}", "I'd like the {d} at {v}", "regulate the {d} to {v}", "will you set the {d} to {v}?", "switch the {d} to {v}", "get the {d} to {v}", "set the {d} at {v}", "let the {d} be {v}", "tune the {d} to {v}"]
TIMER = ["set a timer for {n} minutes", "timer {n} minutes", "{n} minute timer", "start a {n} minute timer", "start a timer for {n} minutes", "set timer {n} min", "wake me in {n} minutes", "remind me in {n} minutes", "count down {n} minutes", "can you set a timer for {n} minutes?", "I need a timer for {n} minutes", "timer for {n} minutes", "give me a {n} minute timer", "put {n} minutes on the clock", "countdown of {n} minutes", "a timer, {n} minutes", "begin a {n} minute countdown", "tell me when {n} minutes are over",
         "set a {n} minute timer", "set a {n} min timer", "timer: {n} minutes", "{n} minutes timer please", "run a timer for {n} minutes", "I want a {n} minute timer", "create a timer of {n} minutes", "make a timer for {n} min", "time {n} minutes", "alert me after {n} minutes", "notify me in {n} minutes", "ping me in {n} min", "let me know in {n} minutes", "could you start a timer for {n} minutes?", "new timer {n} minutes", "timer {n}"]
ALARM = ["set an alarm for {t}", "alarm at {t}", "wake me at {t}", "wake me up at {t}", "set my alarm to {t}", "alarm for {t}", "can you set an alarm for {t}?", "I need an alarm at {t}", "I have to get up at {t}", "put an alarm on for {t}", "set alarm {t}", "make an alarm for {t}", "alarm {t}", "an alarm for {t}", "ring at {t}", "get me up at {t}", "please wake me up at {t}",
         "alarm: {t}", "create an alarm for {t}", "I want an alarm at {t}", "could you set an alarm at {t}?", "wake me {t}", "new alarm {t}", "alarm clock {t}", "set the alarm clock for {t}", "schedule an alarm at {t}", "set an alarm at {t}", "let the alarm ring at {t}", "please wake me at {t}", "be my alarm at {t}"]
VOLUME = ["set the volume to {v}", "volume {v}", "volume to {v}", "turn the volume to {v}", "change volume to {v}", "put the volume at {v}", "make the volume {v}", "can you set the volume to {v}?", "I want the volume at {v}", "sound level {v}", "adjust the volume to {v}",
          "set volume {v}", "sound to {v}", "put volume on {v}", "volume should be {v}", "bring the volume to {v}", "could you put the volume at {v}?", "please set the volume to {v}", "turn volume to {v}", "volume at {v}", "have the volume at {v}", "switch the volume to {v}", "loudness {v}", "set the sound to {v}"]
PLAIN = [("on", ON), ("on", ON), ("off", OFF), ("off", OFF), ("open", OPEN), ("close", CLOSE), ("lock", LOCK), ("unlock", UNLOCK), ("set", SET), ("set", SET), ("timer", TIMER), ("alarm", ALARM), ("volume", VOLUME)]
OPENABLE = ["blinds", "door", "window", "garage"]
SETTABLE = ["light", "heating", "thermostat", "fan", "ac", "oven", "humidifier", "blinds"]

TOOLS = {  # action -> names a caller may give the function, names for its parameters
    "switch": (["switch_device", "set_power", "device_switch", "turn_device", "control_device", "power"], [("device", "state"), ("device", "action"), ("name", "state"), ("target", "power")]),
    "set": (["set_value", "set_level", "device_set", "adjust_device", "set_device_value"], [("device", "value"), ("name", "level"), ("target", "value")]),
    "timer": (["set_timer", "start_timer", "create_timer", "timer"], [("minutes",), ("duration",), ("duration_minutes",)]),
    "alarm": (["set_alarm", "create_alarm", "add_alarm", "alarm"], [("time",), ("at",)]),
    "volume": (["set_volume", "change_volume", "volume"], [("level",), ("value",), ("volume",)]),
    "weather": (["get_weather", "weather", "get_current_weather", "weather_lookup"], [("city",), ("location",), ("place",)]),
    "door": (["door_control", "open_close", "set_door"], [("device", "action"), ("name", "state")]),
}
DESCR = {"switch": ["Turn a device on or off", "Switch a device", "Power a device on or off"], "set": ["Set a device to a value", "Set the level of a device"], "timer": ["Start a timer", "Set a timer in minutes"], "alarm": ["Set an alarm", "Wake the user at a time"],
         "volume": ["Set the volume", "Change the sound level"], "weather": ["Get the weather of a city", "Current weather", "Get the current weather"], "door": ["Open or close something", "Open, close, lock or unlock"]}
WEATHER = ["what's the weather in {c}?", "what is the weather like in {c}?", "weather in {c}", "how is the weather in {c}", "weather for {c}", "is it raining in {c}?", "get the weather for {c}", "tell me the weather in {c}", "do I need an umbrella in {c}?", "how warm is it in {c}?", "what's it like outside in {c}?", "current weather {c}"]


def command(ctx):
    """One command: its words and its meaning as a dictionary."""
    action, forms = ctx.one(PLAIN)
    if action == "timer":
        n = ctx.r.randint(1, 60)
        return ctx.ask(forms, n=n), dict(action="timer", minutes=n)
    if action == "alarm":
        h, m = ctx.r.randint(1, 12), ctx.one([0, 0, 15, 30, 45, ctx.r.randint(0, 59)])
        t = "%d:%02d" % (h, m) if m or ctx.chance(0.4) else str(h)
        t += ctx.one([" am", " pm", "am", "pm", ""]) if ":" in t else ctx.one([" am", " pm", "am", "pm"])
        return ctx.ask(forms, t=t), dict(action="alarm", time=t)
    if action == "volume":
        v = ctx.r.randint(0, 100)
        return ctx.ask(forms, v=str(v) + ctx.one(["", "", "%", " percent"])), dict(action="volume", value=v)
    pool = OPENABLE if action in ("open", "close") else ["door", "garage", "window"] if action in ("lock", "unlock") else SETTABLE if action == "set" else list(DEVICES)

    def draw():
        return ctx.one(pool), ctx.one(ROOMS) if ctx.chance(0.6) else ""
    d, room = ctx.value(draw, lambda v: action + v[0] + v[1])
    word = ctx.one(DEVICES[d])
    late = bool(room) and ctx.chance(0.4)
    shown = room + " " + word if room and not late else word
    forms_text = ctx.phrase(forms)
    tail = ""
    if late:
        tail = ctx.one([" in the ", " in the ", " of the ", " in my "]) + room
    v = ctx.r.randint(0, 100) if d in ("light", "blinds", "humidifier") else ctx.r.randint(50, 250) if d == "oven" else ctx.r.randint(1, 5) if d == "fan" else ctx.r.randint(14, 28)
    q = ctx.dress(forms_text, after=not tail)
    q = q.replace("{d}", shown + tail if action == "set" or ctx.chance(0.3) else shown, 1)
    if tail and tail not in q:
        q = q.rstrip("?.! ") + tail
    unit = ctx.one(["", "", "%", " percent"]) if d in ("light", "blinds", "humidifier") else "" if d == "fan" else ctx.one(["", "", " degrees"])
    q = q.replace("{v}", str(v) + unit)
    out = dict(action=action, device=d)
    if room:
        out["room"] = room
    if action == "set":
        out["value"] = v
    return q, out


def make(ctx):
    q, a = command(ctx)
    return [("user", q), ("assistant", json.dumps(a, separators=(",", ":")))], "command"


def tool(ctx, kind):
    """One tool definition, OpenAI's shape."""
    names, params = TOOLS[kind]
    name, keys = ctx.one(names), ctx.one(params)
    if kind in ("switch", "set", "door") and ctx.chance(0.5):
        keys = keys + ("room",)
    props = {k: {"type": "integer" if kind in ("timer", "volume") or (kind == "set" and k == keys[1]) else "string"} for k in keys}
    return {"type": "function", "function": {"name": name, "description": ctx.one(DESCR[kind]), "parameters": {"type": "object", "properties": props, "required": [k for k in keys if k != "room"]}}}


def with_tools(ctx):
    """A request that carries tools: the call, or a plain answer when no tool fits.  Gives (tools, turns)."""
    from names import PLACES
    import arith
    kinds = ctx.r.sample(list(TOOLS), ctx.r.randint(1, 4))
    tools = {k: tool(ctx, k) for k in kinds}
    seen = set()
    for k in list(tools):  # two tools of one name would be ambiguous
        n = tools[k]["function"]["name"]
        if n in seen:
            del tools[k]
        seen.add(n)
    listed = list(tools.values())
    k = ctx.r.random()
    if k < 0.12:
        return listed, arith.two_digits(ctx)[0], "math"
    for _ in range(100):
        if "weather" in tools and ctx.chance(0.25 if len(tools) > 1 else 1):
            c = ctx.one(PLACES)
            q, kind, vals = ctx.ask(WEATHER, c=c), "weather", [c]
        else:
            q, a = command(ctx)
            act = a["action"]
            kind = {"on": "switch", "off": "switch", "open": "door", "close": "door", "lock": "door", "unlock": "door"}.get(act, act)
            vals = [a.get("device"), act] if kind in ("switch", "door") else [a.get("device"), a["value"]] if kind == "set" else [a.get("minutes", a.get("time", a.get("value")))]
            if kind in tools and "room" in a and "room" not in tools[kind]["function"]["parameters"]["properties"]:
                continue
        if kind in tools:
            break
    else:
        return listed, arith.two_digits(ctx)[0], "math"
    f = tools[kind]["function"]
    keys = [x for x in f["parameters"]["properties"] if x != "room"]
    args = dict(zip(keys, vals))
    if kind in ("switch", "door", "set") and "room" in a:
        args["room"] = a["room"]
    call = {"name": f["name"], "arguments": args}
    return listed, [("user", q), ("assistant", "<tool_call>\n" + json.dumps(call) + "\n</tool_call>")], "command"

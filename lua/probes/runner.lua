-- Runs each line of sources, a list in probes, and prints what it returns or the error that it raises.
local function show(...)
  local t = {}
  for i = 1, select('#', ...) do
    local v = (select(i, ...))
    if type(v) == 'string' then
      if #v > 300 then v = '<string of ' .. #v .. '>' end
      t[i] = '"' .. v:gsub('[%c\128-\255]', function(c) return '\\' .. c:byte() end) .. '"'
    elseif type(v) == 'table' or type(v) == 'function' or type(v) == 'thread' or type(v) == 'userdata' then
      t[i] = type(v)
    else
      t[i] = tostring(v)
    end
  end
  return table.concat(t, ', ')
end
for i, source in ipairs(probes) do
  local f, err = loadstring(source, '@s')
  if f then
    print(i .. ': ' .. (function(ok, ...) return (ok and '' or 'ERROR ') .. show(...) end)(pcall(f)))
  else
    print(i .. ': SYNTAX ' .. err)
  end
end

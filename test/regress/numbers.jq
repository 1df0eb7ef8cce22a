# jq -s -r: of several looks at one JSON object, the numbers that were 0 every time.
[.[] as $look | $look | paths(type == "number") as $at |
	{name: ($at | map(if type == "number" then "*" else . end) | join(".")),
	 value: getpath($at)}] |
group_by(.name)[] | select(all(.value == 0)) | .[0].name

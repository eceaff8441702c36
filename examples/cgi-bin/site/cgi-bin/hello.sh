#!/bin/sh
# Fields first, an empty line, content: that is all of CGI.
cat <<END
Content-Type: text/plain; charset=utf-8

$GREETING from $SERVER_SOFTWARE.
You asked for $REQUEST_METHOD $SCRIPT_NAME with "$QUERY_STRING" and "$PATH_INFO".
END

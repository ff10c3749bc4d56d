# The image is the static binary and nothing else. Build the binary first: make image does both.
FROM scratch
COPY bin/holdfast /holdfast
VOLUME /data
WORKDIR /data
ENTRYPOINT ["/holdfast"]

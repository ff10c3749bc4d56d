package geohash

// trigonometry are some of a million values, of each kind of calculation.
var trigonometry = []struct {
	name    string
	f       func(float64) float64
	x, want float64
}{
	{"asin", asin, 0x1.6e1f04dc60148p-4, 0x1.6e9c4733465cfp-4},
	{"asin", asin, 0x1.c7cf98649f246p-4, 0x1.c8c1c8c42b015p-4},
	{"asin", asin, 0x1.18a3fed1db214p-3, 0x1.1986c2a4316e8p-3},
	{"asin", asin, 0x1.882743be9f3d7p-3, 0x1.8a97167b9ff82p-3},
	{"asin", asin, 0x1.166eb2e8cd3fep-1, 0x1.26630bbb4d407p-1},
	{"asin", asin, 0x1.19fcbe56c9204p-1, 0x1.2aa26464b5ba3p-1},
	{"asin", asin, 0x1.87abc461ae8b5p-1, 0x1.bdf589bddd066p-1},
	{"asin", asin, 0x1.a043e08230b4cp-1, 0x1.e60cd7334e690p-1},
	{"asin", asin, 0x1.e24ac50165c8ep-1, 0x1.3a7d1596c9b90p+0},
	{"asin", asin, 0x1.e7a159bccc9b6p-1, 0x1.42d2719763d83p+0},
	{"asin", asin, 0x1.ee32042068d24p-1, 0x1.4e69f07d930a3p+0},
	{"asin", asin, 0x1.eff41381f2ecap-1, 0x1.51dcb83b7c618p+0},
	{"asin", asin, 0x1.ffae4b08a96d6p-1, 0x1.89158e56bbfd8p+0},
	{"cos", cos, -0x1.58a4061a5c607p+0, 0x1.c802aeb899742p-3},
	{"cos", cos, -0x1.1d612653ac7e4p-1, 0x1.b28154120a0a1p-1},
	{"cos", cos, -0x1.f5ccce7c280a0p-4, 0x1.fc299f831c37ap-1},
	{"cos", cos, 0x1.75ce1783fae80p-4, 0x1.fdde8ebd6565cp-1},
	{"cos", cos, 0x1.94cf32a7a18a0p-1, 0x1.68227fa7c0f44p-1},
	{"cos", cos, 0x1.72c932c107386p+0, 0x1.f427d09537445p-4},
	{"sin", sin, -0x1.75e1ff54a4017p+1, -0x1.c0332889c05b0p-3},
	{"sin", sin, -0x1.6c689ef39acafp+1, -0x1.295fe27fb09e0p-2},
	{"sin", sin, -0x1.31adbf99075cap+1, -0x1.5e4cbf20abc24p-1},
	{"sin", sin, -0x1.d3301c2a8a083p-4, -0x1.d22cf43f476e0p-4},
	{"sin", sin, -0x1.fb50958465a3ep-6, -0x1.fb3bd4ff6c608p-6},
	{"sin", sin, 0x1.3b9f8cb4edeb4p-3, 0x1.3a60164a14b8fp-3},
	{"sin", sin, 0x1.4924a1abc55efp-3, 0x1.47ba5ebb9074cp-3},
	{"sin", sin, 0x1.c5d6f3c31da7dp-1, 0x1.8cb328429caa2p-1},
}
